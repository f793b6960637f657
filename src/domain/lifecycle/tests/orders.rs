//! The order's own machine.

use super::*;

/// Every state of the built-in order machine, with a work order as it may then be.
const STATES: [&str; 6] = [
    "INITIATED | move CREATED",
    "CREATED unreleased | move CREATED",
    "IN_PROGRESS | move IN_PROGRESS",
    "EXECUTED =PARTIALLY_SUCCEEDED | move COMPLETED+",
    "CLOSED =SUCCEEDED | move COMPLETED+",
    "CLOSED =CANCELLED | move CANCELLED",
];

const COMMANDS: [&str; 15] = [
    "validate", "rejected", "release", "cancel", "cancel gated", "approved", "refused", "order VALIDATE", "order REJECT",
    "order START", "order CANCEL", "order EXECUTE", "order CLOSE", "order TELEPORT", "2 START",
];

#[test]
fn every_state_answers_every_command() {
    let mut table = String::new();
    for state in STATES {
        table += &format!("{state}\n");
        for text in COMMANDS {
            table += &format!("  {text}: {}\n", answer(&parse(state), &command(text)).join("; "));
        }
    }
    println!("{table}");
}
