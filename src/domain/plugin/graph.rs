//! The ways through a workflow's steps: each leads to a step that there is, every step can be reached, and no run goes
//! round for ever.

use std::collections::HashSet;

use super::{
    super::{
        problem::{Code, Found, Path, Problem},
        value::{check_text, echo},
    },
    NewStep,
};

/// Steps of a workflow.
const MAX_STEPS: usize = 50;
const NAME_MAX_CHARS: usize = 50;

/// Pushes every problem of a workflow's steps.
pub(super) fn check(start: &str, steps: &[NewStep], at: &Path, found: &mut Found) {
    let at_steps = at.field("steps");
    if steps.is_empty() {
        found.push(Problem::required(&at_steps, "a workflow needs a step"));
        return;
    }
    if steps.len() > MAX_STEPS {
        let message = format!("a workflow has at most {MAX_STEPS} steps, but this has {}", steps.len());
        found.push(Problem::new(Code::LimitExceeded, &at_steps, message));
        return;
    }
    let graph = Graph { steps, at: at_steps };
    graph.check_names(found);
    graph.check_ways(found);
    graph.check_loops(found);
    match graph.place(start) {
        Some(first) => graph.check_reach(first, found),
        None => found.push(Problem::invalid(&at.field("start"), "start must name a step of the workflow")),
    }
}

struct Graph<'a> {
    steps: &'a [NewStep],
    at: Path,
}

impl<'a> Graph<'a> {
    fn place(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.name == name)
    }

    /// The ways out of a step: the field, and the name that stands there.
    fn ways(step: &'a NewStep) -> impl Iterator<Item = (&'static str, &'a str)> {
        let ways = [("onPass", step.on_pass.as_deref()), ("onReject", step.on_reject.as_deref())];
        ways.into_iter().filter_map(|(field, to)| Some((field, to?)))
    }

    fn check_names(&self, found: &mut Found) {
        for (index, step) in self.steps.iter().enumerate() {
            check_text(&step.name, NAME_MAX_CHARS, &self.at.index(index), "name", found);
            if self.place(&step.name) != Some(index) {
                let message = format!("the workflow has another step of the name {}", echo(&step.name));
                found.push(Problem::invalid(&self.at.index(index).field("name"), message));
            }
        }
    }

    fn check_ways(&self, found: &mut Found) {
        for (index, step) in self.steps.iter().enumerate() {
            for (field, to) in Self::ways(step).filter(|(_, to)| self.place(to).is_none()) {
                let message = format!("the workflow has no step of the name {}", echo(to));
                found.push(Problem::invalid(&self.at.index(index).field(field), message));
            }
        }
    }

    /// Names each way that closes a loop.
    fn check_loops(&self, found: &mut Found) {
        let mut done = HashSet::new();
        for index in 0..self.steps.len() {
            self.walk(index, &mut Vec::new(), &mut done, found);
        }
    }

    /// Follows every way from a step that was come to over those of `path`. The recursion is as deep as there are steps.
    fn walk(&self, index: usize, path: &mut Vec<usize>, done: &mut HashSet<usize>, found: &mut Found) {
        let Some(step) = self.steps.get(index).filter(|_| !done.contains(&index)) else { return };
        path.push(index);
        for (field, to) in Self::ways(step) {
            let Some(next) = self.place(to) else { continue };
            if path.contains(&next) {
                let message =
                    format!("{} leads back to {}: a run could go round for ever", echo(&step.name), echo(to));
                found.push(Problem::invalid(&self.at.index(index).field(field), message));
            } else {
                self.walk(next, path, done, found);
            }
        }
        path.pop();
        done.insert(index);
    }

    fn check_reach(&self, first: usize, found: &mut Found) {
        let mut reached = vec![first];
        let mut next = 0;
        while let Some(step) = reached.get(next).and_then(|index| self.steps.get(*index)) {
            next += 1;
            for place in Self::ways(step).filter_map(|(_, to)| self.place(to)) {
                if !reached.contains(&place) {
                    reached.push(place);
                }
            }
        }
        for (index, step) in self.steps.iter().enumerate() {
            // A second step of a name is no problem of its ways.
            if !reached.contains(&index) && self.place(&step.name) == Some(index) {
                let message = format!("no way leads from the start to {}", echo(&step.name));
                found.push(Problem::invalid(&self.at.index(index), message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::FailurePolicy, *};

    /// Steps in the form `name>onPass/onReject`, the last two as far as there are any.
    fn problems(start: &str, steps: &[&str]) -> Vec<String> {
        let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let step = |text: &&str| {
            let (from, ways) = text.split_once('>').unwrap_or((text, ""));
            let (on_pass, on_reject) = ways.split_once('/').unwrap_or((ways, ""));
            NewStep {
                name: from.to_owned(),
                on_pass: name(on_pass),
                on_reject: name(on_reject),
                failure_policy: FailurePolicy::Reject,
            }
        };
        let steps: Vec<NewStep> = steps.iter().map(step).collect();
        let mut found = Found::new();
        check(start, &steps, &Path::root(), &mut found);
        let line = |problem: &Problem| format!("{} {}", problem.path, problem.message);
        found.or(()).map_or_else(|problems| problems.as_slice().iter().map(line).collect(), |()| Vec::new())
    }

    #[test]
    fn ways_that_fork_and_meet_again_are_sound() {
        for steps in [
            vec!["a"],
            vec!["a>b", "b"],
            vec!["a>b/c", "b>d", "c>d", "d"],
            vec!["a>b/b", "b"],
            vec!["d", "b>d/c", "c>d", "a>b/c"],
        ] {
            assert_eq!(problems("a", &steps), Vec::<String>::new(), "{steps:?}");
        }
    }

    #[test]
    fn each_problem_is_named_where_it_lies() {
        let back =
            |from: &str, to: &str| format!("{from:?} leads back to {to:?}: a run could go round for ever");
        for (start, steps, expected) in [
            ("a", vec![], vec!["steps a workflow needs a step".to_owned()]),
            ("x", vec!["a"], vec!["start start must name a step of the workflow".to_owned()]),
            (
                "a",
                vec!["a>x/y"],
                vec![
                    "steps.0.onPass the workflow has no step of the name \"x\"".to_owned(),
                    "steps.0.onReject the workflow has no step of the name \"y\"".to_owned(),
                ],
            ),
            ("a", vec!["a>a"], vec![format!("steps.0.onPass {}", back("a", "a"))]),
            ("a", vec!["a>b", "b>c", "c>/a"], vec![format!("steps.2.onReject {}", back("c", "a"))]),
            (
                "a",
                vec!["a>b/c", "b>a", "c>a"],
                vec![
                    format!("steps.1.onPass {}", back("b", "a")),
                    format!("steps.2.onPass {}", back("c", "a")),
                ],
            ),
            (
                "a",
                vec!["a", "b>c", "c"],
                vec![
                    "steps.1 no way leads from the start to \"b\"".to_owned(),
                    "steps.2 no way leads from the start to \"c\"".to_owned(),
                ],
            ),
            (
                "a",
                vec!["a", "b>b"],
                vec![
                    format!("steps.1.onPass {}", back("b", "b")),
                    "steps.1 no way leads from the start to \"b\"".to_owned(),
                ],
            ),
            (
                "a",
                vec!["a", "a"],
                vec!["steps.1.name the workflow has another step of the name \"a\"".to_owned()],
            ),
        ] {
            assert_eq!(problems(start, &steps), expected, "{steps:?}");
        }
    }

    #[test]
    fn the_number_of_steps_and_the_length_of_their_names_are_limited() {
        let chain: Vec<String> = (0..51).map(|index| format!("s{index}>s{}", index + 1)).collect();
        let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
        assert_eq!(problems("s0", &chain), ["steps a workflow has at most 50 steps, but this has 51"]);
        let long = "x".repeat(51);
        assert_eq!(
            problems(&long, &[&long]),
            ["steps.0.name name may have up to 50 characters, but this has 51"]
        );
        assert_eq!(problems("a", &["a> "]), ["steps.0.onPass the workflow has no step of the name \" \""]);
    }
}
