//! What is read at the moment of a scrape: states rather than events.

use parking_lot::Mutex;
use prometheus::{GaugeVec, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder, core::Collector};

use super::{Metrics, counter, gauge, opts, single};
use crate::clock;
use crate::gateway::Gateway;

/// Metrics that are set when they are scraped.
#[derive(Debug)]
pub(super) struct Scraped {
    connections: IntGauge,
    posture_age: GaugeVec,
    posture_devices: IntGauge,
    source_held: IntGaugeVec,
    crl_next_update: GaugeVec,
    certificate_expiry: GaugeVec,
    upstreams_healthy: IntGaugeVec,
    audit_records: IntCounterVec,
    audit_queue: IntGauge,
    rate_limited: IntGauge,
    assertions: IntGauge,
    sessions: IntGauge,
    oidc_up: IntGaugeVec,
    grants: IntGauge,
    policy_info: IntGaugeVec,
    pub(super) reload_success: IntGauge,
    pub(super) reload_timestamp: GaugeVec,
    clock_synchronised: IntGauge,
    draining: IntGauge,
    /// Held from the first state that is read until all are rendered: a second scrape would reset what the first one set.
    scraping: Mutex<()>,
}

impl Scraped {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let scraped = Self {
            connections: single("connections", "Open connections, handshakes included.")?,
            posture_age: seconds("posture_age_seconds", "Age of the oldest fact of any device.", &[])?,
            posture_devices: single("posture_devices", "Devices whose posture is known.")?,
            source_held: gauge("posture_source_held", "Whether a person must release the source.", &["source"])?,
            crl_next_update: seconds("crl_next_update_seconds", "Time until a list is stale.", &["ca"])?,
            certificate_expiry: seconds("certificate_expiry_seconds", "Time until the first one ends.", &["use"])?,
            upstreams_healthy: gauge("upstreams_healthy", "Upstreams that take requests.", &["app"])?,
            audit_records: counter("audit_records_total", "Records written, or not.", &["sink", "result"])?,
            audit_queue: single("audit_queue_records", "Places of the audit queue that are taken.")?,
            rate_limited: single("rate_limit_buckets", "Principals of which requests are counted, by app.")?,
            assertions: single("assertions_cached", "Assertions that are used again for a while.")?,
            sessions: single("sessions", "Login sessions that are kept.")?,
            oidc_up: gauge("oidc_up", "Whether the OpenID provider answered when it was last asked.", &[])?,
            grants: single("break_glass_grants", "Grants for emergencies that are in force.")?,
            policy_info: gauge("policy_info", "The policies in force.", &["digest"])?,
            reload_success: single("config_last_reload_success", "Whether the last load came into force.")?,
            reload_timestamp: seconds("config_last_reload_timestamp_seconds", "When the last load ended.", &[])?,
            clock_synchronised: single("clock_synchronised", "Whether the kernel calls its clock synchronised.")?,
            draining: single("draining", "Whether the process is on its way out.")?,
            scraping: Mutex::new(()),
        };
        let build = gauge("build_info", "The version that is running.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let all: [Box<dyn Collector>; 20] = [
            Box::new(scraped.connections.clone()),
            Box::new(scraped.posture_age.clone()),
            Box::new(scraped.posture_devices.clone()),
            Box::new(scraped.source_held.clone()),
            Box::new(scraped.crl_next_update.clone()),
            Box::new(scraped.certificate_expiry.clone()),
            Box::new(scraped.upstreams_healthy.clone()),
            Box::new(scraped.audit_records.clone()),
            Box::new(scraped.audit_queue.clone()),
            Box::new(scraped.rate_limited.clone()),
            Box::new(scraped.assertions.clone()),
            Box::new(scraped.sessions.clone()),
            Box::new(scraped.oidc_up.clone()),
            Box::new(scraped.grants.clone()),
            Box::new(scraped.policy_info.clone()),
            Box::new(scraped.reload_success.clone()),
            Box::new(scraped.reload_timestamp.clone()),
            Box::new(scraped.clock_synchronised.clone()),
            Box::new(scraped.draining.clone()),
            Box::new(build),
        ];
        all.into_iter().try_for_each(|collector| registry.register(collector))?;
        Ok(scraped)
    }

    fn read(&self, gateway: &Gateway) {
        let snapshot = gateway.snapshot.load();
        let now_ms = clock::now_ms();
        let until_s = |end_ms: i64| (end_ms - now_ms) as f64 / 1000.0;

        self.connections.set(count(gateway.bounds.open()));
        self.draining.set(i64::from(gateway.draining()));
        let reported = &gateway.state.live().posture;
        let unreported = snapshot.posture.devices().filter(|(id, _)| reported.reported(id).is_none());
        self.posture_devices.set(count(reported.len() + unreported.count()));
        let oldest = snapshot.posture.devices().filter_map(|(_, posture)| posture.oldest_ms()).min();
        let oldest = oldest.into_iter().chain(reported.oldest_ms()).min();
        self.source_held.reset();
        for source in &snapshot.config.posture.sources {
            let held = gateway.state.live().holds.get(&source.name).is_some();
            self.source_held.with_label_values(&[&source.name]).set(i64::from(held));
        }
        self.posture_age.with_label_values::<&str>(&[]).set(oldest.map_or(0.0, |oldest| -until_s(oldest)));
        self.crl_next_update.reset();
        for (ca, next_update_ms) in snapshot.trust.crl_next_updates_ms() {
            self.crl_next_update.with_label_values(&[ca]).set(until_s(next_update_ms));
        }
        self.certificate_expiry.with_label_values(&["server"]).set(until_s(snapshot.tls.first_expiry_ms));
        if let Some(first) = snapshot.trust.authorities_not_after_ms().map(|(_, end_ms)| end_ms).min() {
            self.certificate_expiry.with_label_values(&["client_ca"]).set(until_s(first));
        }
        self.upstreams_healthy.reset();
        for route in snapshot.routes.iter() {
            self.upstreams_healthy.with_label_values(&[&route.app.name]).set(count(route.pool.healthy()));
        }
        self.audit_queue.set(count(gateway.audit.depth()));
        self.rate_limited.set(count(gateway.rate_limits.len()));
        self.assertions.set(count(gateway.assertions.cached()));
        self.sessions.set(count(gateway.state.live().sessions.entries.len()));
        self.oidc_up.reset();
        if let Some(provider) = &snapshot.oidc {
            self.oidc_up.with_label_values::<&str>(&[]).set(provider.answers().into());
        }
        self.grants.set(count(gateway.grants.load().in_force(now_ms).count()));
        self.audit_records.reset();
        let counters = &gateway.audit_counters;
        for (result, value) in [
            ("written", counters.written()),
            ("failed", counters.failed()),
            ("summed", counters.suppressed()),
            ("write_error", counters.write_errors()),
        ] {
            self.audit_records.with_label_values(&[gateway.audit_sink, result]).inc_by(value);
        }
        self.policy_info.reset();
        self.policy_info.with_label_values(&[snapshot.policies.digest()]).set(1);
        self.clock_synchronised.set(i64::from(clock::synchronised().unwrap_or(false)));
    }
}

impl Metrics {
    /// A load of configuration and facts has ended.
    pub fn reloaded(&self, success: bool) {
        self.scraped.reload_success.set(i64::from(success));
        self.scraped.reload_timestamp.with_label_values::<&str>(&[]).set(clock::now_ms() as f64 / 1000.0);
    }

    /// Everything in the Prometheus text format.
    pub fn render(&self, gateway: &Gateway) -> prometheus::Result<String> {
        let _turn = self.scraped.scraping.lock();
        self.scraped.read(gateway);
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

fn seconds(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<GaugeVec> {
    GaugeVec::new(opts(name, help), labels)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
