//! The work order's own machine.

use super::*;

#[test]
fn every_state_answers_every_event() {
    let mut table = String::new();
    for state in &built_in_work_order_lifecycle().states {
        let situation = format!("IN_PROGRESS | service {}, service CREATED", state.name);
        table += &format!("{}\n", state.name);
        for event in ["START","HOLD","RESUME","ATTEMPT_FAILED","COMPLETE","FAIL","CANCEL","TELEPORT"] {
            table += &format!("  {event}: {}\n", answer(&parse(&situation), &command(&format!("1 {event}"))).join("; "));
        }
    }
    println!("{table}");
}
