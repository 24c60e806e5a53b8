//! Instructions per decision. The benchmark runs itself under valgrind, which counts only inside [`count`].

use std::process::Command;

use crate::engines::{Engine, Kind};
use crate::questions::Questions;

/// Makes decisions; the first of them, which finds everything cold, is not counted.
pub(crate) fn decide(engine: &mut dyn Engine, questions: &Questions, decisions: usize) {
    questions.iter().take(1).for_each(|question| engine.spend(&question));
    count(engine, questions, decisions);
}

/// What callgrind counts in, known to it by this name.
#[inline(never)]
fn count(engine: &mut dyn Engine, questions: &Questions, decisions: usize) {
    for question in questions.iter().cycle().take(decisions) {
        engine.spend(&question);
    }
}

/// Instructions per decision.
pub(crate) fn instructions(kind: Kind, apps: usize) -> u64 {
    let decisions: u32 = if kind == Kind::Stock { 8 } else { 64 };
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=decision::callgrind::count"])
        .arg(std::env::current_exe().expect("this program has a path"))
        .args(["decide", &kind.name(), &apps.to_string(), &decisions.to_string()])
        .output()
        .expect("valgrind is installed");
    // The last line is `==PID== Collected : 12345`.
    let log = String::from_utf8_lossy(&output.stderr);
    let collected = log.lines().find_map(|line| line.split_once("Collected : "));
    let collected: Option<u64> = collected.and_then(|(_, count)| count.trim().parse().ok());
    collected.expect("callgrind says what it has counted") / u64::from(decisions)
}
