//! What refusals say in English.

use std::borrow::Cow;

use gaccong_policy::Remedy;

use super::{Labels, Text};
use crate::reason::Reason;

/// See [`Labels`].
pub(super) const LABELS: Labels = Labels {
    why: "Why",
    what_now: "What you can do now",
    help: "Who can help",
    whom_to_ask: "Ask the helpdesk of your organisation, and quote this request id:",
    mendable: "Your device, or your login, does not meet what this application demands.",
    mend: "Do what is listed here. Once your device has reported the change, try again.",
};

/// The text of a remedy.
#[rustfmt::skip]
pub(super) fn remedy(remedy: Remedy) -> Cow<'static, str> {
    Cow::Borrowed(match remedy {
        Remedy::Managed => "Use a device that your organisation manages.",
        Remedy::Reported => "Make sure that the management software of your organisation is running on your device and online, so that the device reports its state.",
        Remedy::DiskEncrypted => "Turn on the encryption of your disk, for example BitLocker or FileVault.",
        Remedy::Firewall => "Turn on the firewall of your device.",
        Remedy::ScreenLock => "Let the screen of your device lock by itself.",
        Remedy::SecureBoot => "Turn on Secure Boot. If you have never done this, let your support help you.",
        Remedy::EdrRunning => "Start the protection software of your organisation (antivirus, EDR) on your device.",
        Remedy::PatchAgeDays { actual, max } => {
            return format!("Install the security updates and restart your device (days since the last update: {actual}; allowed: {max}).").into();
        }
        Remedy::OsVersion => "Update the operating system of your device.",
        Remedy::Compliant => "Open the management software on your device and mend what it complains of.",
        Remedy::AuthAgeS { .. } => "Log in again: your last login was too long ago.",
        Remedy::Acr => "Log in by a stronger method, such as a security key or a smart card.",
    })
}

/// The text of a reason.
#[rustfmt::skip]
pub(super) fn text(reason: Reason) -> Text {
    match reason {
        Reason::CertificateAbsent => Text::new(
            "No certificate was presented",
            "This application is open only to devices and services that prove who they are with a certificate. Your connection presented none.",
            "Use the device that your organisation gave you. If your browser asks for a certificate, choose the one of your organisation. If you have none, ask for one.",
        ),
        Reason::CertificateExpired => Text::new(
            "Your certificate has expired",
            "The certificate that your device presented is past the end of its validity.",
            "Ask for a new certificate. If you have just renewed it, close the browser completely, open it again, and choose the new one.",
        ),
        Reason::CertificateNotYetValid => Text::new(
            "Your certificate is not valid yet",
            "The validity of the certificate that your device presented begins later than now.",
            "Wait until the certificate becomes valid. If it should be valid already, report it: it may have been issued with a wrong date.",
        ),
        Reason::CertificateRevoked => Text::new(
            "Your certificate has been revoked",
            "The certificate that your device presented has been withdrawn by your organisation and is no longer accepted.",
            "If your device was reported lost, or you have changed it or your post, ask for a new certificate. If you did not expect this, report it at once.",
        ),
        Reason::CertificateUntrusted => Text::new(
            "Your certificate is not known here",
            "The certificate that your device presented was not issued by any authority that this gateway trusts.",
            "Choose the certificate that your organisation issued to you. A certificate of another organisation, or one made by yourself, is not accepted.",
        ),
        Reason::CertificateWrongUsage => Text::new(
            "This certificate is for another purpose",
            "The certificate that your device presented may not be used to sign in.",
            "Choose the certificate that was issued for client authentication. If you have only this one, ask for another.",
        ),
        Reason::CertificateWeakKey => Text::new(
            "Your certificate's key is too weak",
            "The certificate, or an authority that vouches for it, uses a key that no longer protects well enough.",
            "Ask for a new certificate with a stronger key.",
        ),
        Reason::CertificateIssuerInvalid => Text::new(
            "The issuer of your certificate is not valid",
            "An authority in the chain above your certificate has expired, or may not issue certificates.",
            "You can do nothing about this yourself. Report it with the request id below.",
        ),
        Reason::CertificateMalformed => Text::new(
            "Your certificate cannot be read",
            "The certificate that your device presented is damaged, or larger than any genuine one.",
            "Install the certificate again. If that does not help, ask for a new one.",
        ),
        Reason::CertificateUnnamed => Text::new(
            "Your certificate does not say whose it is",
            "The certificate is genuine, but it does not name exactly one device, person or service as it should.",
            "Ask for a new certificate and quote the request id below: this one was issued with the wrong names.",
        ),
        Reason::CrlStale => Text::new(
            "Certificates cannot be checked right now",
            "The list of withdrawn certificates is out of date, so the gateway cannot know whether yours still holds.",
            "Try again in a few minutes. Your certificate need not be at fault.",
        ),
        Reason::CrlAbsent => Text::new(
            "Certificates cannot be checked right now",
            "The gateway has no list of withdrawn certificates from the issuer of yours, so it cannot know whether yours still holds.",
            "Try again in a few minutes. If it goes on, report it with the request id below.",
        ),
        Reason::OcspUnknown => Text::new(
            "Certificates cannot be checked right now",
            "The service that knows which certificates were withdrawn has not answered, so the gateway cannot know whether yours still holds.",
            "Try again in a few seconds. If it goes on, report it with the request id below.",
        ),
        Reason::HandshakeNotTls => Text::new(
            "The connection was not encrypted",
            "This address speaks TLS only, and what arrived was something else.",
            "Use an address that begins with https://.",
        ),
        Reason::HandshakeTimeout => Text::new(
            "The connection took too long",
            "The secure connection was not established in time.",
            "Check your network and try again. If a smart card asks for a PIN, enter it soon.",
        ),
        Reason::HandshakeAborted => Text::new(
            "The connection was broken off",
            "Your side ended the secure connection before it was established.",
            "Try again. If your browser warned you about this address, do not go on: report it.",
        ),
        Reason::HandshakeIncompatible => Text::new(
            "Your software is too old for a secure connection",
            "Your software and this gateway have no secure protocol in common.",
            "Update your browser or program, then try again.",
        ),
        Reason::HandshakeUnknownName => Text::new(
            "This address is not served here",
            "The gateway has no certificate for the name that you asked for.",
            "Check the address for a typing error.",
        ),
        Reason::HandshakeFailed => Text::new(
            "The secure connection failed",
            "Your device could not prove that it holds the key of its certificate, or the connection failed in another way.",
            "Try again. If it goes on, install the certificate again or ask for a new one.",
        ),
        Reason::ConnectionLimit => Text::new(
            "The gateway is busy",
            "There are more connections than the gateway can take right now.",
            "Try again in a minute.",
        ),
        Reason::RequestSourceLimit => Text::new(
            "Too many requests at once",
            "Your network address has more requests running than one address may have.",
            "Close pages that you do not need, wait a moment, then try again.",
        ),
        Reason::StreamIdle => Text::new(
            "The connection was quiet for too long",
            "Nothing has moved on this connection for a long time, so it was ended.",
            "Load the page again.",
        ),
        Reason::ConnectionSourceLimit => Text::new(
            "Too many connections from your network",
            "There are too many connections from your network address.",
            "Close windows and programs that you do not need, then try again in a minute.",
        ),
        Reason::ConnectionProxyHeader => Text::new(
            "The connection was not introduced properly",
            "A load balancer before the gateway did not say for whom it connects.",
            "You can do nothing about this yourself. Report it with the request id below.",
        ),
        Reason::ConnectionFlood => Text::new(
            "The connection was closed for overload",
            "Your program sent far more control messages than it needs.",
            "Wait a minute, then try again. If it goes on, update the program that you use.",
        ),
        Reason::RequestHeadTimeout => Text::new(
            "The request took too long",
            "Your request did not arrive completely in time.",
            "Check your network and try again.",
        ),
        Reason::RequestMalformed => Text::new(
            "The request cannot be read",
            "What your program sent is not a valid request.",
            "Reload the page. If you followed a link, it may be broken: tell whoever gave it to you.",
        ),
        Reason::RequestHeadTooLarge => Text::new(
            "The request's address or headers are too large",
            "Your request carries more in its address, headers or cookies than the gateway takes.",
            "Delete the cookies of this site, then try again.",
        ),
        Reason::RequestHostAbsent => Text::new(
            "The request names no host",
            "Your program did not say which site it wants.",
            "Update the program that you use, or tell whoever maintains it.",
        ),
        Reason::RequestHostAmbiguous => Text::new(
            "It is not clear which host is meant",
            "The request names more than one host, or one that can be read in several ways.",
            "Type the address anew. If a program sends this request, tell whoever maintains it.",
        ),
        Reason::RequestHostMisdirected => Text::new(
            "The request came over the wrong connection",
            "Your program sent this request over a connection that was opened for another site.",
            "Reload the page: your browser then opens a connection of its own.",
        ),
        Reason::RequestHostUnknown => Text::new(
            "No application has this address",
            "The gateway knows no application under this name.",
            "Check the address for a typing error. If it used to work, report it.",
        ),
        Reason::RequestPathAmbiguous => Text::new(
            "The address can be read in several ways",
            "The path of the address contains characters that servers may understand differently, so the gateway cannot tell what is asked for.",
            "Go to the start page of the application and find the page from there. If you followed a link, tell whoever gave it to you.",
        ),
        Reason::RequestTarget => Text::new(
            "The request names no page",
            "The target of the request is not a path on this site.",
            "Type the address anew. If a program sends this request, tell whoever maintains it.",
        ),
        Reason::RequestMethod => Text::new(
            "This kind of request is not allowed",
            "The method of the request is one that the gateway does not forward.",
            "If a program sends this request, tell whoever maintains it.",
        ),
        Reason::RequestFraming => Text::new(
            "It is not clear where the request ends",
            "The request gives contradicting statements of its own length.",
            "Update the program that you use, or tell whoever maintains it. A proxy between you and the gateway may also be at fault.",
        ),
        Reason::RequestUpgrade => Text::new(
            "This kind of connection is not allowed",
            "The request wants to switch to another protocol than WebSocket, or does it wrongly.",
            "If a program sends this request, tell whoever maintains it.",
        ),
        Reason::RequestConnectionAuth => Text::new(
            "This way of signing in is not possible here",
            "The request signs in by NTLM or Negotiate, which is bound to a connection. Connections behind the gateway are shared.",
            "Use another way to sign in to the application, and tell whoever maintains it.",
        ),
        Reason::RequestBodyTooLarge => Text::new(
            "What you sent is too large",
            "The upload is larger than this application takes.",
            "Send a smaller file, or send it in parts.",
        ),
        Reason::RequestBodyTooSlow => Text::new(
            "The upload was too slow",
            "What you sent arrived too slowly and was broken off.",
            "Check your network and try again.",
        ),
        Reason::RequestBodyMalformed => Text::new(
            "What you sent cannot be read",
            "The encoding of the request's body is broken.",
            "Try again. If it goes on, update the program that you use.",
        ),
        Reason::RequestRateLimited => Text::new(
            "Too many requests",
            "You, or a program that works in your name, have asked this application for more than it allows one person or service.",
            "Wait a moment, then try again more slowly. If you have not asked for so much, report it at once: somebody may be using your certificate.",
        ),
        Reason::RequestOwnPath => Text::new(
            "There is no such page",
            "Addresses below /.gaccong/ belong to the gateway itself, and there is nothing under this one.",
            "Go to the start page of the application.",
        ),
        Reason::BreakGlassNoGrant => Text::new(
            "No grant is in force",
            "Your certificate is for emergencies only. It opens an application while a grant for you, signed by two responsible persons, is in force, and there is none for this application now.",
            "If this is an emergency, ask the persons who may sign a grant. Otherwise use your ordinary certificate.",
        ),
        Reason::PrincipalAbsent => Text::new(
            "Your device is known, but not who you are",
            "The certificate names the device only, and this application must know which person is using it.",
            "Use a certificate that names you, or ask for one.",
        ),
        Reason::DeviceAbsent => Text::new(
            "Your device is not known",
            "This application is open only from known devices, and your connection proves none.",
            "Use the device that your organisation gave you.",
        ),
        Reason::PrincipalRevoked => Text::new(
            "Your access is suspended",
            "Your organisation has suspended your access to all applications behind this gateway.",
            "Do not try again. Ask your superior or the help desk, and quote the request id below.",
        ),
        Reason::SessionRevoked => Text::new(
            "Please identify yourself again",
            "Something about your account or device has changed since this connection was made, so it does not count any more.",
            "Close the browser completely, open it again, and come back to this page. If it goes on, quote the request id below.",
        ),
        Reason::DeviceRevoked => Text::new(
            "This device is blocked",
            "Your organisation has blocked this device, for example because it was reported lost or unsafe.",
            "Use another device of your organisation. If this one is yours and safe, ask the help desk and quote the request id below.",
        ),
        Reason::Lockdown => Text::new(
            "Closed for now",
            "Your organisation has closed this application, or access for your group, until a security matter is settled.",
            "Nothing is wrong with you or your device. Wait for word from your organisation, or ask the help desk how long it will take.",
        ),
        Reason::PostureAbsent => Text::new(
            "Nothing is known of your device's state",
            "Your device has not reported yet whether it is safe, for example whether its disk is encrypted and its software is up to date.",
            "Make sure that the management software of your organisation is running on the device and online. Then try again in a few minutes.",
        ),
        Reason::PostureStale => Text::new(
            "Your device's last report is too old",
            "What your device last reported of its state is too long ago to rely on.",
            "Connect the device to the network, make sure that the management software is running, and try again in a few minutes.",
        ),
        Reason::PostureIncomplete => Text::new(
            "Your device's report is incomplete",
            "Your device did not report everything about its state that it must.",
            "Update the management software on the device and try again. If it goes on, quote the request id below.",
        ),
        Reason::PolicyNoPermit => Text::new(
            "You have no access to this",
            "You are known, but no rule gives you access to what you asked for.",
            "If your work needs it, ask your superior or the owner of the application for access.",
        ),
        Reason::PolicyForbid => Text::new(
            "Access is refused",
            "A security rule forbids this access under the present circumstances, such as the state of your device, the place or the time.",
            "Check that your device is up to date and safe. If you believe that the rule should not apply, quote the request id below.",
        ),
        Reason::PolicyError => Text::new(
            "Access could not be decided",
            "A rule of this application failed, and what cannot be decided is refused.",
            "You can do nothing about this yourself. Report it with the request id below.",
        ),
        Reason::UpstreamUnavailable => Text::new(
            "The application is not available",
            "You may use it, but none of its servers is healthy right now.",
            "Try again in a few minutes.",
        ),
        Reason::SessionAbsent => Text::new(
            "Please log in",
            "This app is for people who are logged in, and you are not.",
            "Log in with your organisation's account.",
        ),
        Reason::SessionExpired => Text::new(
            "Your session has ended",
            "A login lasts for a limited time, and yours is over.",
            "Log in again.",
        ),
        Reason::SessionIdle => Text::new(
            "You were away for a while",
            "Your session ended because it was not used for some time.",
            "Log in again.",
        ),
        Reason::SessionInvalid => Text::new(
            "Your session cannot be read",
            "The cookie of your session was not set by this gateway, has changed, or is too old.",
            "Log in again. If this comes back, delete the cookies of this site.",
        ),
        Reason::SessionOtherDevice => Text::new(
            "This session belongs to another device",
            "You logged in on one device, and the session came from another.",
            "Log in on this device. If you have not copied your browser's data yourself, tell your support at once.",
        ),
        Reason::SessionPrincipalMismatch => Text::new(
            "Two people at once",
            "Your certificate names one person, and your session another.",
            "Log out, then log in as the person whom the certificate names.",
        ),
        Reason::SessionStepUp => Text::new(
            "A stronger login is needed",
            "What you want to do asks for a stronger or a more recent login than yours.",
            "Log in once more; then you can go on.",
        ),
        Reason::LoginStateInvalid => Text::new(
            "This login cannot go on",
            "It was begun too long ago, in another browser, or not on this page.",
            "Open the app again and log in from there.",
        ),
        Reason::LoginCodeInvalid => Text::new(
            "This login was used already",
            "The last step of a login works once, for a short time, in the browser that began it.",
            "Open the app again; if you are asked, log in once more.",
        ),
        Reason::LoginProviderUnavailable => Text::new(
            "Logging in is not possible right now",
            "The service with which people log in does not answer as it should.",
            "Try again in a few minutes. Whoever is logged in already can go on working.",
        ),
        Reason::LoginProviderRefused => Text::new(
            "You were not logged in",
            "The login was refused or given up.",
            "Try again. If it is refused again, ask your support.",
        ),
        Reason::LoginTokenInvalid => Text::new(
            "The login could not be verified",
            "What the login service said of you does not hold.",
            "Try again. If this comes back, report it with the request id below.",
        ),
        Reason::LoginPrincipalAbsent => Text::new(
            "Your account is not complete",
            "The login service knows you, but does not say the name by which this gateway knows people.",
            "Ask your support to complete your account.",
        ),
        Reason::TokenMalformed => Text::new(
            "The access token cannot be read",
            "It is not a signed JSON web token of the right form, or it is too large.",
            "Get a new token from its issuer.",
        ),
        Reason::TokenUntrusted => Text::new(
            "The access token is not trusted",
            "Its issuer, its algorithm, its key or its signature is not one that this gateway accepts.",
            "Get a token from an issuer that is configured here.",
        ),
        Reason::TokenExpired => Text::new(
            "The access token is not valid now",
            "It has expired, or its time has not come.",
            "Get a new token, and check the clocks of the machines.",
        ),
        Reason::TokenAudience => Text::new(
            "The access token is for another service",
            "Its audience is not this gateway.",
            "Ask the issuer for a token with the right audience.",
        ),
        Reason::TokenBinding => Text::new(
            "The access token is not yours to use",
            "It is bound to another certificate than that of this connection, or to none.",
            "Use the token with the certificate with which it was issued.",
        ),
        Reason::TokenKeysUnavailable => Text::new(
            "The access token cannot be checked yet",
            "Its key is not known, and the issuer is being asked for it.",
            "Try again in a few seconds.",
        ),
        Reason::TokenPrincipalAbsent => Text::new(
            "The access token names nobody",
            "It lacks the claim by which this gateway knows who asks.",
            "Ask the issuer to put the name into its tokens.",
        ),
        Reason::RequestCrossSite => Text::new(
            "Another site sent this request",
            "A page of another site made your browser send it. Such requests are not passed on, since they may do what you did not intend.",
            "Open the app itself and do it there. If the two sites belong together, ask the app's operator to allow it.",
        ),
        Reason::UpstreamConnect => Text::new(
            "The application cannot be reached",
            "You may use it, but its server did not accept a secure connection from the gateway.",
            "Try again in a few minutes. If it goes on, report it with the request id below.",
        ),
        Reason::UpstreamTimeout => Text::new(
            "The application did not answer in time",
            "Your request was passed on, but no answer came.",
            "Try again in a few minutes. Before you send a form again, check whether it has been taken.",
        ),
        Reason::UpstreamProtocol => Text::new(
            "The application's answer cannot be used",
            "Your request was passed on, but the answer was broken or ended early.",
            "Try again. Before you send a form again, check whether it has been taken. If it goes on, report it.",
        ),
        Reason::UpstreamConnectionAuth => Text::new(
            "The application asks for an unsafe way to sign in",
            "The application wants you to sign in by NTLM or Negotiate, which would let others use your name behind the gateway.",
            "You can do nothing about this yourself. Report it to the owner of the application.",
        ),
        Reason::AuditQueueFull => Text::new(
            "The gateway cannot record right now",
            "Every access must be recorded. The gateway cannot do so right now, and so lets nothing through.",
            "Try again in a minute.",
        ),
        Reason::GatewayDraining => Text::new(
            "The gateway is restarting",
            "The gateway is shutting down for maintenance, and your request could not be finished in time.",
            "Try again in a minute. Before you send a form again, check whether it has been taken.",
        ),
        Reason::GatewayInternal => Text::new(
            "The gateway failed",
            "Something went wrong in the gateway itself.",
            "Try again in a few minutes. If it goes on, report it with the request id below.",
        ),
    }
}
