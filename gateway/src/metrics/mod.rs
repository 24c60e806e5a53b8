//! What is counted: Prometheus metrics with the prefix `gaccong_`, base units, and labels from closed sets only.

mod posture;
mod scrape;
mod sessions;
mod shadow;
mod signals;
mod tokens;

use std::time::Duration;

use http::Response;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, core::Collector,
};

pub use self::posture::PostureCounters;
pub use self::sessions::SessionCounters;
pub use self::shadow::ShadowCounters;
pub use self::signals::SignalCounters;
pub use self::tokens::TokenCounters;
use crate::audit::event::{Outcome, RequestEvent, Verdict};
use crate::reason::Reason;
use crate::request::forward::Failure;

/// Seconds, from a tenth of a millisecond to a minute.
const REQUEST_SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Seconds, from a tenth of a microsecond to ten milliseconds.
const DECISION_SECONDS: &[f64] =
    &[1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 1e-3, 1e-2];

/// Every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_duration: HistogramVec,
    decision_duration: Histogram,
    handshakes: IntCounterVec,
    handshake_duration: Histogram,
    live_streams: IntGaugeVec,
    streams_cut: IntCounterVec,
    revocation_latency: Histogram,
    upstream_requests: IntCounterVec,
    upstream_duration: HistogramVec,
    break_glass: IntCounterVec,
    posture: PostureCounters,
    crl_fetches: IntCounterVec,
    ocsp_answers: IntCounterVec,
    shadow: ShadowCounters,
    signals: SignalCounters,
    tokens: TokenCounters,
    sessions: SessionCounters,
    scraped: scrape::Scraped,
}

impl Metrics {
    /// All metrics, at zero.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let requests = counter("requests_total", "Requests answered.", &["app", "decision", "reason"])?;
        let request_duration = histograms("request_duration_seconds", "From head to end.", REQUEST_SECONDS, &["app"])?;
        let decision_duration = histogram("decision_duration_seconds", "The policy's share.", DECISION_SECONDS)?;
        let handshakes = counter("handshakes_total", "Connection attempts.", &["result", "reason", "group"])?;
        let handshake_duration = histogram("handshake_duration_seconds", "From accept to proof.", REQUEST_SECONDS)?;
        let live_streams = gauge("live_streams", "Requests that are forwarded and have not ended.", &["app"])?;
        let streams_cut = counter("streams_cut_total", "Streams and connections ended by the gateway.", &["reason"])?;
        let revocation_latency =
            histogram("revocation_latency_seconds", "From a changed fact to the last cut.", REQUEST_SECONDS)?;
        let upstream_requests = counter("upstream_requests_total", "Requests to upstreams.", &["app", "result"])?;
        let upstream_duration = histograms(
            "upstream_duration_seconds",
            "From request sent to head of response.",
            REQUEST_SECONDS,
            &["app"],
        )?;
        let break_glass = counter("break_glass_requests_total", "By whoever breaks the glass.", &["app", "decision"])?;
        let posture = PostureCounters::new(&registry)?;
        let crl_fetches = counter("crl_fetches_total", "Revocation lists asked for.", &["trust", "result"])?;
        let ocsp_answers = counter("ocsp_answers_total", "Questions to OCSP responders.", &["trust", "result"])?;
        let shadow = ShadowCounters::new(&registry)?;
        let signals = SignalCounters::new(&registry)?;
        let tokens = TokenCounters::new(&registry)?;
        let sessions = SessionCounters::new(&registry)?;
        let scraped = scrape::Scraped::new(&registry)?;
        let all: [Box<dyn Collector>; 13] = [
            Box::new(requests.clone()),
            Box::new(request_duration.clone()),
            Box::new(decision_duration.clone()),
            Box::new(handshakes.clone()),
            Box::new(handshake_duration.clone()),
            Box::new(live_streams.clone()),
            Box::new(streams_cut.clone()),
            Box::new(revocation_latency.clone()),
            Box::new(upstream_requests.clone()),
            Box::new(upstream_duration.clone()),
            Box::new(break_glass.clone()),
            Box::new(crl_fetches.clone()),
            Box::new(ocsp_answers.clone()),
        ];
        all.into_iter().try_for_each(|collector| registry.register(collector))?;
        Ok(Self {
            registry,
            requests,
            request_duration,
            decision_duration,
            handshakes,
            handshake_duration,
            live_streams,
            streams_cut,
            revocation_latency,
            upstream_requests,
            upstream_duration,
            break_glass,
            posture,
            crl_fetches,
            ocsp_answers,
            shadow,
            signals,
            tokens,
            sessions,
            scraped,
        })
    }

    /// What is counted of reports on devices.
    pub fn posture(&self) -> &PostureCounters {
        &self.posture
    }

    /// What is counted of the shadow check.
    pub fn shadow(&self) -> &ShadowCounters {
        &self.shadow
    }

    /// What is counted of access tokens.
    pub fn tokens(&self) -> &TokenCounters {
        &self.tokens
    }

    /// What is counted of streams of signals.
    pub fn signals(&self) -> &SignalCounters {
        &self.signals
    }

    /// What is counted of logins at the identity provider.
    pub fn sessions(&self) -> &SessionCounters {
        &self.sessions
    }

    /// A request has ended.
    pub fn request(&self, event: &RequestEvent) {
        let app = event.app.as_deref().unwrap_or_default();
        let decision = match event.decision.verdict {
            Verdict::Permit => "permit",
            Verdict::Deny => "deny",
            Verdict::ObservedDeny => "observed_deny",
        };
        let reason = ended_by(event).or(event.decision.reason).map_or("", Reason::code);
        self.requests.with_label_values(&[app, decision, reason]).inc();
        if breaks_glass(event) {
            self.break_glass.with_label_values(&[app, decision]).inc();
        }
        if matches!(event.outcome, Outcome::Cut(_)) {
            self.streams_cut.with_label_values(&[reason]).inc();
        }
        self.request_duration.with_label_values(&[app]).observe(event.duration_us as f64 / 1e6);
    }

    /// A request was refused without a record of its own.
    pub fn refused(&self, reason: Reason) {
        self.requests.with_label_values(&["", "deny", reason.code()]).inc();
    }

    /// A connection was ended by us.
    pub fn connection_cut(&self, reason: Reason) {
        self.streams_cut.with_label_values(&[reason.code()]).inc();
    }

    /// Policy has decided.
    pub fn decided(&self, decision_ns: u64) {
        self.decision_duration.observe(decision_ns as f64 / 1e9);
    }

    /// A connection attempt was accepted (`ok`) or refused.
    pub fn handshake(&self, result: &str, reason: &str, group: &str, duration: Duration) {
        self.handshakes.with_label_values(&[result, reason, group]).inc();
        self.handshake_duration.observe(duration.as_secs_f64());
    }

    /// A request has become live, or has ended.
    pub fn live(&self, app: &str, change: i64) {
        self.live_streams.with_label_values(&[app]).add(change);
    }

    /// An upstream has answered, or has not.
    pub fn upstream<B>(&self, app: &str, answered: &Result<Response<B>, Failure>, duration_us: u64) {
        let result = match answered {
            Ok(_) => "ok",
            Err(failure) => failure.reason.code(),
        };
        self.upstream_requests.with_label_values(&[app, result]).inc();
        self.upstream_duration.with_label_values(&[app]).observe(duration_us as f64 / 1e6);
    }

    /// A revocation list of a trust domain was asked for.
    pub fn crl_fetched(&self, trust_domain: &str, result: &str) {
        self.crl_fetches.with_label_values(&[trust_domain, result]).inc();
    }

    /// The responder of a trust domain was asked about a certificate.
    pub fn ocsp_answered(&self, trust_domain: &str, result: &str) {
        self.ocsp_answers.with_label_values(&[trust_domain, result]).inc();
    }

    /// Facts have changed, and what they forbid was cut this long after.
    pub fn revoked(&self, latency: Duration) {
        self.revocation_latency.observe(latency.as_secs_f64());
    }
}

/// Whether whoever asked came by a grant for emergencies, or needed one and had none.
fn breaks_glass(event: &RequestEvent) -> bool {
    event.decision.reason == Some(Reason::BreakGlassNoGrant)
        || event.asked.as_ref().is_some_and(|asked| asked.grant.is_some())
}

/// What ended a request that policy had permitted.
fn ended_by(event: &RequestEvent) -> Option<Reason> {
    match event.outcome {
        Outcome::Cut(reason) | Outcome::UpstreamFailed(reason) | Outcome::BodyRefused(reason) => Some(reason),
        Outcome::Panicked => Some(Reason::GatewayInternal),
        Outcome::Running | Outcome::Completed | Outcome::ClientGone => None,
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("gaccong_{name}"), help)
}

fn counter(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(opts(name, help), labels)
}

fn gauge(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
    IntGaugeVec::new(opts(name, help), labels)
}

fn single(name: &str, help: &str) -> prometheus::Result<IntGauge> {
    IntGauge::with_opts(opts(name, help))
}

fn histogram(name: &str, help: &str, buckets: &[f64]) -> prometheus::Result<Histogram> {
    Histogram::with_opts(HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec()))
}

fn histograms(name: &str, help: &str, buckets: &[f64], labels: &[&str]) -> prometheus::Result<HistogramVec> {
    HistogramVec::new(HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec()), labels)
}
