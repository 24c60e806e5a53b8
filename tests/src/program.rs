//! A Node program beside a test (`tests/browser/`), spoken to in JSON: a line asks, a line answers.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::within_patience_of;

/// A running program. It is killed when dropped; should the test be killed, it ends with its standard input.
pub struct Program {
    name: &'static str,
    pipes: Mutex<Pipes>,
    _child: Child,
}

struct Pipes {
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    errors: Option<ChildStderr>,
}

impl Program {
    /// Starts `tests/browser/{name}.mjs` and returns what it says when it is ready.
    pub async fn start(name: &'static str, settings: &Value) -> (Self, Value) {
        let folder = folder();
        assert!(
            folder.join("node_modules").is_dir(),
            "what the tests take from npm is not there: run `npm ci --prefix {}`, or `tests/run`",
            folder.display()
        );
        let mut child = Command::new("node")
            .arg(folder.join(format!("{name}.mjs")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node is installed: tests/run sees to it");
        let pipes = Pipes {
            questions: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()).lines(),
            errors: child.stderr.take(),
        };
        let program = Self { name, pipes: Mutex::new(pipes), _child: child };
        let ready = program.ask(settings).await;
        (program, ready)
    }

    /// Asks, and fails the test where the program says that it could not.
    pub async fn ask(&self, question: &Value) -> Value {
        self.try_ask(question).await.unwrap_or_else(|error| panic!("{}: {}: {error}", self.name, question["do"]))
    }

    /// Asks; the error is the program's own words.
    pub async fn try_ask(&self, question: &Value) -> Result<Value, String> {
        // A page may take its own patience before the program gives up on it.
        within_patience_of(2, self.name, async {
            let mut pipes = self.pipes.lock().await;
            let mut answer = match pipes.exchange(question).await {
                Some(line) => serde_json::from_str::<Value>(&line).unwrap(),
                None => return Err(format!("ended: {}", pipes.last_words().await)),
            };
            match answer.get("error") {
                Some(error) => Err(error.as_str().unwrap().to_owned()),
                None => Ok(answer["ok"].take()),
            }
        })
        .await
    }
}

impl Pipes {
    async fn exchange(&mut self, question: &Value) -> Option<String> {
        self.questions.write_all(format!("{question}\n").as_bytes()).await.ok()?;
        self.answers.next_line().await.ok()?
    }

    async fn last_words(&mut self) -> String {
        let mut words = String::new();
        if let Some(mut errors) = self.errors.take() {
            let _ = errors.read_to_string(&mut words).await;
        }
        words
    }
}

/// Where the programs are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("browser")
}
