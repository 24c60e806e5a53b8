//! Random questions: every fact present or absent, ordinary or at its limits.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use arbitrary::{Result, Unstructured};
use gaccong_policy::{
    BreakGlassBuf, CertificateBuf, ContextBuf, DeviceBuf, PrincipalBuf, PrincipalKind, QuestionBuf, RequestBuf,
    SessionBuf, TargetBuf, ThreatBuf,
};

use crate::world::{APPS, GROUPS, NUMBERS, PRINCIPALS, TEXTS, World, some_of};

/// 2026-01-01T00:00:00Z.
const NOW_MS: i64 = 1_767_225_600_000;
const DAY_MS: i64 = 86_400_000;

type Bytes<'a, 'b> = &'a mut Unstructured<'b>;

pub(crate) fn arbitrary(world: &World, bytes: Bytes<'_, '_>) -> Result<QuestionBuf<'static>> {
    Ok(QuestionBuf {
        principal: principal(world, bytes)?,
        action: one_of(world.actions(), "delete", bytes)?,
        app: one_of(APPS, "nowhere", bytes)?,
        context: context(bytes)?,
    })
}

/// Mostly a name that is known.
fn one_of(known: &[&'static str], unknown: &'static str, bytes: Bytes<'_, '_>) -> Result<Cow<'static, str>> {
    Ok(if bytes.ratio(1, 64)? { unknown } else { *bytes.choose(known)? }.into())
}

fn principal(world: &World, bytes: Bytes<'_, '_>) -> Result<PrincipalBuf<'static>> {
    let kind = match bytes.int_in_range(0..=31_u8)? {
        0..=7 => PrincipalKind::Workload,
        8..=17 if world.has_devices => PrincipalKind::Device,
        18 => PrincipalKind::Device,
        _ => PrincipalKind::User,
    };
    if kind == PrincipalKind::Device && !bytes.ratio(1, 8)? {
        return Ok(PrincipalBuf { kind, id: (*bytes.choose(PRINCIPALS)?).into(), groups: vec![] });
    }
    Ok(PrincipalBuf { kind, id: (*bytes.choose(PRINCIPALS)?).into(), groups: some_of(GROUPS, bytes)? })
}

fn context(bytes: Bytes<'_, '_>) -> Result<ContextBuf<'static>> {
    let now_ms = instant_ms(bytes)?;
    Ok(ContextBuf {
        device: mostly(bytes, device)?,
        certificate: mostly(bytes, certificate)?,
        session: mostly(bytes, session)?,
        threat: mostly(bytes, |bytes| Ok(ThreatBuf { list: text(bytes)? }))?,
        target: mostly(bytes, |bytes| Ok(TargetBuf { kind: text(bytes)?, id: text(bytes)? }))?,
        risk: mostly(bytes, text)?,
        break_glass: mostly(bytes, |bytes| Ok(BreakGlassBuf { grant: text(bytes)? }))?,
        alert_level: number(bytes)?,
        signal_lost: flag(bytes)?,
        request: request(bytes)?,
        now_ms,
    })
}

fn device(bytes: Bytes<'_, '_>) -> Result<DeviceBuf<'static>> {
    Ok(DeviceBuf {
        id: text(bytes)?,
        managed: mostly(bytes, flag)?,
        platform: mostly(bytes, text)?,
        os_version: mostly(bytes, text)?,
        disk_encrypted: mostly(bytes, flag)?,
        firewall: mostly(bytes, flag)?,
        screen_lock: mostly(bytes, flag)?,
        secure_boot: mostly(bytes, flag)?,
        edr_running: mostly(bytes, flag)?,
        patch_age_days: mostly(bytes, number)?,
        compliant: mostly(bytes, flag)?,
        risk: mostly(bytes, text)?,
        owner: mostly(bytes, text)?,
        source: mostly(bytes, text)?,
        age_s: mostly(bytes, number)?,
    })
}

fn certificate(bytes: Bytes<'_, '_>) -> Result<CertificateBuf<'static>> {
    Ok(CertificateBuf {
        trust_domain: text(bytes)?,
        fingerprint: text(bytes)?,
        issuer: text(bytes)?,
        serial: text(bytes)?,
        not_after_ms: instant_ms(bytes)?,
    })
}

fn session(bytes: Bytes<'_, '_>) -> Result<SessionBuf<'static>> {
    Ok(SessionBuf { method: text(bytes)?, acr: mostly(bytes, text)?, auth_age_s: number(bytes)? })
}

fn request(bytes: Bytes<'_, '_>) -> Result<RequestBuf<'static>> {
    Ok(RequestBuf {
        host: text(bytes)?,
        path: text(bytes)?,
        method: text(bytes)?,
        source_ip: address(bytes)?,
        site: mostly(bytes, text)?,
        origin: mostly(bytes, text)?,
    })
}

fn address(bytes: Bytes<'_, '_>) -> Result<IpAddr> {
    const ADDRESSES: &[IpAddr] = &[
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 255)),
        IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3)),
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V4(Ipv4Addr::new(224, 0, 0, 1)),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7)),
        IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)),
        // The same client as the first.
        IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0xc000, 0x201)),
    ];
    Ok(match bytes.int_in_range(0..=9_u8)? {
        0 => IpAddr::V4(bytes.arbitrary::<u32>()?.into()),
        1 => IpAddr::V6(bytes.arbitrary::<u128>()?.into()),
        _ => *bytes.choose(ADDRESSES)?,
    })
}

/// A moment: mostly within days of the literals that policies compare with, seldom one beyond every calendar.
fn instant_ms(bytes: Bytes<'_, '_>) -> Result<i64> {
    const REMOTE_MS: &[i64] =
        &[0, -1, -62_167_219_200_001, 253_402_207_200_000, 253_402_300_799_999, i64::MAX, i64::MIN];
    Ok(match bytes.int_in_range(0..=63_u8)? {
        0 => *bytes.choose(REMOTE_MS)?,
        1..=31 => NOW_MS.saturating_add(*bytes.choose(&[0, 1, -1, DAY_MS, -DAY_MS, 27_000_500])?),
        _ => NOW_MS.saturating_add(bytes.int_in_range(-3 * DAY_MS..=3 * DAY_MS)?),
    })
}

fn number(bytes: Bytes<'_, '_>) -> Result<i64> {
    Ok(match bytes.int_in_range(0..=7_u8)? {
        0 => bytes.arbitrary()?,
        1..=2 => *bytes.choose(NUMBERS)?,
        _ => bytes.int_in_range(0..=100)?,
    })
}

fn text(bytes: Bytes<'_, '_>) -> Result<Cow<'static, str>> {
    Ok((*bytes.choose(TEXTS)?).into())
}

fn flag(bytes: Bytes<'_, '_>) -> Result<bool> {
    bytes.arbitrary()
}

/// Three times out of four.
fn mostly<'b, T>(bytes: Bytes<'_, 'b>, some: impl Fn(Bytes<'_, 'b>) -> Result<T>) -> Result<Option<T>> {
    if bytes.ratio(3, 4)? { some(bytes).map(Some) } else { Ok(None) }
}
