//! The words of `gaccong why`, in both languages.

use super::account::Outcome;
use crate::pages::Language;

/// Headings and sentences.
pub(super) struct Labels {
    pub(super) request: &'static str,
    pub(super) attempt: &'static str,
    pub(super) attempts: &'static str,
    pub(super) when: &'static str,
    pub(super) app: &'static str,
    pub(super) result: &'static str,
    pub(super) permitted: &'static str,
    pub(super) observed: &'static str,
    pub(super) refused: &'static str,
    pub(super) why: &'static str,
    pub(super) what_to_do: &'static str,
    pub(super) whom_to_ask: &'static str,
    pub(super) helpdesk: &'static str,
    pub(super) owner: &'static str,
    pub(super) decided_by: &'static str,
    pub(super) no_policy: &'static str,
    pub(super) decisive: &'static str,
    pub(super) changed_since: &'static str,
    pub(super) device: &'static str,
    pub(super) end: &'static str,
    pub(super) status: &'static str,
    pub(super) reason: &'static str,
    pub(super) unknown_reason: &'static str,
    pub(super) person: &'static str,
    pub(super) device_id: &'static str,
    pub(super) device_owner: &'static str,
    pub(super) source: &'static str,
    pub(super) asked_for: &'static str,
    pub(super) details: &'static str,
    pub(super) hidden: &'static str,
}

impl Labels {
    /// What a result is called.
    pub(super) const fn result_of(&self, result: Outcome) -> &'static str {
        match result {
            Outcome::Permitted => self.permitted,
            Outcome::Observed => self.observed,
            Outcome::Refused => self.refused,
        }
    }
}

/// The labels of a language.
pub(super) const fn labels(language: Language) -> &'static Labels {
    match language {
        Language::English => &ENGLISH,
        Language::Vietnamese => &VIETNAMESE,
    }
}

const ENGLISH: Labels = Labels {
    request: "Request",
    attempt: "Connection attempt",
    attempts: "connection attempts, summed up",
    when: "when",
    app: "app",
    result: "result",
    permitted: "let through",
    observed: "let through, but only because the app or policy is being observed: it would have been refused",
    refused: "refused",
    why: "why",
    what_to_do: "what to do",
    whom_to_ask: "whom to ask",
    helpdesk: "the security team, quoting the id of the request",
    owner: "the app's owner",
    decided_by: "decided by",
    no_policy: "no policy permits it",
    decisive: "decisive condition",
    changed_since: "The policies have changed since. Another try may end differently.",
    device: "the device",
    end: "how it ended",
    status: "status",
    reason: "reason",
    unknown_reason: "A reason that this program does not know: it is older than the gateway.",
    person: "who",
    device_id: "device",
    device_owner: "assigned to",
    source: "from",
    asked_for: "asked for",
    details: "details",
    hidden: "Who asked, for what and from where is hidden; `--show-personal` shows it.",
};

const VIETNAMESE: Labels = Labels {
    request: "Yêu cầu",
    attempt: "Lần thử kết nối",
    attempts: "lần thử kết nối, gộp lại",
    when: "thời điểm",
    app: "ứng dụng",
    result: "kết quả",
    permitted: "được cho qua",
    observed: "được cho qua, nhưng chỉ vì ứng dụng hoặc chính sách đang ở chế độ theo dõi: lẽ ra đã bị từ chối",
    refused: "bị từ chối",
    why: "vì sao",
    what_to_do: "cần làm gì",
    whom_to_ask: "hỏi ai",
    helpdesk: "bộ phận an toàn thông tin, kèm mã yêu cầu",
    owner: "đơn vị phụ trách ứng dụng",
    decided_by: "chính sách",
    no_policy: "không có chính sách nào cho phép",
    decisive: "điều kiện quyết định",
    changed_since: "Chính sách đã thay đổi từ đó đến nay. Thử lại có thể cho kết quả khác.",
    device: "thiết bị",
    end: "kết thúc",
    status: "mã trạng thái",
    reason: "mã lý do",
    unknown_reason: "Chương trình này không biết lý do đó: nó cũ hơn cổng.",
    person: "ai",
    device_id: "mã thiết bị",
    device_owner: "giao cho",
    source: "từ địa chỉ",
    asked_for: "truy cập",
    details: "chi tiết",
    hidden: "Thông tin cá nhân (ai, truy cập gì, từ đâu) được ẩn; dùng `--show-personal` để xem.",
};

/// A fact of a device.
pub(super) struct FactWords {
    /// As policies call it.
    pub(super) key: &'static str,
    english: &'static str,
    vietnamese: &'static str,
}

impl FactWords {
    /// What the fact is called.
    pub(super) const fn name(&self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::Vietnamese => self.vietnamese,
        }
    }
}

const fn fact(key: &'static str, english: &'static str, vietnamese: &'static str) -> FactWords {
    FactWords { key, english, vietnamese }
}

/// The facts that an account shows. Who the device belongs to and who reported it are not among them.
pub(super) const FACTS: [FactWords; 11] = [
    fact("managed", "managed by the organisation", "do cơ quan quản lý"),
    fact("disk_encrypted", "disk encrypted", "ổ đĩa được mã hóa"),
    fact("firewall", "firewall on", "tường lửa đang bật"),
    fact("screen_lock", "screen locks by itself", "màn hình tự khóa"),
    fact("secure_boot", "started with secure boot", "khởi động an toàn (secure boot)"),
    fact("edr_running", "endpoint protection running", "phần mềm bảo vệ (EDR) đang chạy"),
    fact("patch_age_days", "days since the last security update", "số ngày từ lần cập nhật bảo mật gần nhất"),
    fact("compliant", "compliant, says the device manager", "hệ thống quản lý thiết bị xác nhận đạt yêu cầu"),
    fact("risk", "risk", "mức rủi ro"),
    fact("platform", "platform", "hệ điều hành"),
    fact("os_version", "version of the operating system", "phiên bản hệ điều hành"),
];

/// The answer of a fact that is true or false.
pub(super) const fn yes_or_no(value: bool, language: Language) -> &'static str {
    match (value, language) {
        (true, Language::English) => "yes",
        (false, Language::English) => "no",
        (true, Language::Vietnamese) => "có",
        (false, Language::Vietnamese) => "không",
    }
}

/// How a request ended. A name that is not known is said as it is.
pub(super) fn outcome(name: &str, language: Language) -> &str {
    let (english, vietnamese) = match name {
        "running" => ("it is still running, or its end was not recorded", "vẫn đang chạy, hoặc chưa ghi nhận kết thúc"),
        "completed" => ("the client got the whole answer", "máy khách đã nhận đủ phản hồi"),
        "client_gone" => ("the client went away before the end", "máy khách ngắt kết nối trước khi xong"),
        "upstream_failed" => {
            ("the app did not answer, or failed midway", "ứng dụng không phản hồi, hoặc lỗi giữa chừng")
        }
        "cut" => ("it was cut: access was taken away", "bị ngắt: quyền truy cập đã bị thu hồi"),
        "body_refused" => ("what the client sent was too much or too slow", "dữ liệu gửi lên quá lớn hoặc quá chậm"),
        "panicked" => ("the gateway failed", "cổng gặp lỗi"),
        "refused" => ("the connection was refused", "kết nối bị từ chối"),
        other => (other, other),
    };
    match language {
        Language::English => english,
        Language::Vietnamese => vietnamese,
    }
}
