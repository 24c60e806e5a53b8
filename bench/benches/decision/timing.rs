//! Times: medians over samples, in which the engines take turns, so that a slow moment of the machine falls on all.

use std::time::{Duration, Instant};

use crate::engines::{self, Engine};
use crate::questions::Questions;

const SAMPLES: usize = 31;
/// Long enough that the clock costs nothing.
const SAMPLE: Duration = Duration::from_millis(10);

/// Nanoseconds per decision, of each engine.
pub(crate) fn median_ns(engines: &mut [Box<dyn Engine>], questions: &Questions) -> Vec<f64> {
    let decisions: Vec<_> = engines.iter_mut().map(|engine| decisions_a_sample(engine.as_mut(), questions)).collect();
    let mut samples = vec![Vec::new(); engines.len()];
    for _ in 0..SAMPLES {
        for ((engine, decisions), samples) in engines.iter_mut().zip(&decisions).zip(&mut samples) {
            samples.push(time(engine.as_mut(), questions, *decisions).as_nanos() as f64 / *decisions as f64);
        }
    }
    samples.into_iter().map(median).collect()
}

/// Seconds to load the policies of this many apps.
pub(crate) fn load_s(apps: usize) -> f64 {
    let load = |_| {
        let began = Instant::now();
        std::hint::black_box(engines::load(apps));
        began.elapsed().as_secs_f64()
    };
    median((0..3).map(load).collect())
}

fn decisions_a_sample(engine: &mut dyn Engine, questions: &Questions) -> usize {
    let mut decisions = 1;
    while time(engine, questions, decisions) < SAMPLE {
        decisions *= 2;
    }
    decisions
}

fn time(engine: &mut dyn Engine, questions: &Questions, decisions: usize) -> Duration {
    let began = Instant::now();
    questions.iter().cycle().take(decisions).for_each(|question| engine.spend(&question));
    began.elapsed()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
