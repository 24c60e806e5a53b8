//! What refusals say in Vietnamese.

use std::borrow::Cow;

use gaccong_policy::Remedy;

use super::{Labels, Text};
use crate::reason::Reason;

/// See [`Labels`].
pub(super) const LABELS: Labels = Labels {
    why: "Vì sao",
    what_now: "Bạn có thể làm gì",
    help: "Ai có thể giúp",
    whom_to_ask: "Bạn hãy liên hệ bộ phận hỗ trợ của cơ quan và cung cấp mã yêu cầu này:",
    mendable: "Thiết bị hoặc lần đăng nhập của bạn chưa đáp ứng yêu cầu của ứng dụng này.",
    mend: "Bạn hãy thực hiện các việc dưới đây. Khi thiết bị đã báo cáo thay đổi, hãy thử lại.",
};

/// The text of a remedy.
#[rustfmt::skip]
pub(super) fn remedy(remedy: Remedy) -> Cow<'static, str> {
    Cow::Borrowed(match remedy {
        Remedy::Managed => "Dùng thiết bị do cơ quan quản lý.",
        Remedy::Reported => "Kiểm tra phần mềm quản lý của cơ quan trên thiết bị đang chạy và có mạng, để thiết bị báo cáo được tình trạng của nó.",
        Remedy::DiskEncrypted => "Bật mã hóa ổ đĩa, ví dụ BitLocker hoặc FileVault.",
        Remedy::Firewall => "Bật tường lửa trên thiết bị.",
        Remedy::ScreenLock => "Bật chế độ tự động khóa màn hình.",
        Remedy::SecureBoot => "Bật khởi động an toàn (Secure Boot). Nếu bạn chưa từng làm việc này, hãy nhờ bộ phận hỗ trợ.",
        Remedy::EdrRunning => "Khởi động phần mềm bảo vệ của cơ quan (chống mã độc, EDR) trên thiết bị.",
        Remedy::PatchAgeDays { actual, max } => {
            return format!("Cài các bản cập nhật bảo mật rồi khởi động lại thiết bị (số ngày từ lần cập nhật gần nhất: {actual}; cho phép: {max}).").into();
        }
        Remedy::OsVersion => "Cập nhật hệ điều hành của thiết bị.",
        Remedy::Compliant => "Mở phần mềm quản lý trên thiết bị và khắc phục những điểm mà phần mềm này nêu ra.",
        Remedy::AuthAgeS { .. } => "Đăng nhập lại: lần đăng nhập gần nhất của bạn đã quá lâu.",
        Remedy::Acr => "Đăng nhập bằng phương thức mạnh hơn, chẳng hạn khóa bảo mật hoặc thẻ thông minh.",
    })
}

/// The text of a reason.
#[rustfmt::skip]
pub(super) fn text(reason: Reason) -> Text {
    match reason {
        Reason::CertificateAbsent => Text::new(
            "Kết nối chưa có chứng thư",
            "Ứng dụng này chỉ dành cho thiết bị và dịch vụ chứng minh được danh tính bằng chứng thư. Kết nối của bạn không gửi chứng thư nào.",
            "Bạn hãy dùng thiết bị do cơ quan cấp. Nếu trình duyệt hỏi chứng thư, hãy chọn chứng thư của cơ quan bạn. Nếu chưa có, hãy đề nghị được cấp.",
        ),
        Reason::CertificateExpired => Text::new(
            "Chứng thư đã hết hạn",
            "Chứng thư mà thiết bị của bạn gửi đã quá thời hạn hiệu lực.",
            "Bạn hãy đề nghị cấp chứng thư mới. Nếu vừa gia hạn, hãy đóng hẳn trình duyệt, mở lại và chọn chứng thư mới.",
        ),
        Reason::CertificateNotYetValid => Text::new(
            "Chứng thư chưa có hiệu lực",
            "Chứng thư mà thiết bị của bạn gửi chưa đến ngày bắt đầu hiệu lực.",
            "Bạn hãy đợi đến khi chứng thư có hiệu lực. Nếu đáng lẽ chứng thư đã có hiệu lực, hãy báo lại: có thể chứng thư được cấp sai ngày.",
        ),
        Reason::CertificateRevoked => Text::new(
            "Chứng thư đã bị thu hồi",
            "Chứng thư mà thiết bị của bạn gửi đã bị cơ quan thu hồi và không còn được chấp nhận.",
            "Nếu thiết bị từng được báo mất, hoặc bạn vừa đổi thiết bị hay vị trí công tác, hãy đề nghị cấp chứng thư mới. Nếu thấy bất thường, hãy báo ngay.",
        ),
        Reason::CertificateUntrusted => Text::new(
            "Chứng thư không được tin cậy",
            "Chứng thư mà thiết bị của bạn gửi không do đơn vị cấp chứng thư nào mà cổng này tin cậy cấp.",
            "Bạn hãy chọn chứng thư do cơ quan cấp cho bạn. Chứng thư của tổ chức khác hoặc tự tạo không được chấp nhận.",
        ),
        Reason::CertificateWrongUsage => Text::new(
            "Chứng thư dùng sai mục đích",
            "Chứng thư mà thiết bị của bạn gửi không được cấp để xác thực người dùng hay thiết bị.",
            "Bạn hãy chọn chứng thư được cấp để xác thực máy khách. Nếu chỉ có chứng thư này, hãy đề nghị cấp chứng thư khác.",
        ),
        Reason::CertificateWeakKey => Text::new(
            "Khóa của chứng thư quá yếu",
            "Chứng thư của bạn, hoặc đơn vị bảo chứng cho nó, dùng khóa không còn đủ an toàn.",
            "Bạn hãy đề nghị cấp chứng thư mới với khóa mạnh hơn.",
        ),
        Reason::CertificateIssuerInvalid => Text::new(
            "Đơn vị cấp chứng thư không hợp lệ",
            "Một đơn vị cấp chứng thư ở phía trên chứng thư của bạn đã hết hạn hoặc không được phép cấp chứng thư.",
            "Bạn không thể tự khắc phục lỗi này. Hãy báo lại kèm mã yêu cầu bên dưới.",
        ),
        Reason::CertificateMalformed => Text::new(
            "Không đọc được chứng thư",
            "Chứng thư mà thiết bị của bạn gửi bị hỏng, hoặc lớn bất thường.",
            "Bạn hãy cài lại chứng thư. Nếu vẫn lỗi, hãy đề nghị cấp chứng thư mới.",
        ),
        Reason::CertificateUnnamed => Text::new(
            "Chứng thư không nêu rõ chủ thể",
            "Chứng thư là thật nhưng không nêu đúng một thiết bị, một người hoặc một dịch vụ như quy định.",
            "Bạn hãy đề nghị cấp chứng thư mới và cung cấp mã yêu cầu bên dưới: chứng thư này được cấp với tên không đúng.",
        ),
        Reason::CrlStale => Text::new(
            "Tạm thời chưa kiểm tra được chứng thư",
            "Danh sách chứng thư bị thu hồi đã quá hạn, nên cổng không thể biết chứng thư của bạn còn hiệu lực hay không.",
            "Bạn hãy thử lại sau vài phút. Có thể chứng thư của bạn không có lỗi gì.",
        ),
        Reason::CrlAbsent => Text::new(
            "Tạm thời chưa kiểm tra được chứng thư",
            "Cổng chưa có danh sách thu hồi của đơn vị đã cấp chứng thư cho bạn, nên không thể biết chứng thư còn hiệu lực hay không.",
            "Bạn hãy thử lại sau vài phút. Nếu vẫn lỗi, hãy báo lại kèm mã yêu cầu bên dưới.",
        ),
        Reason::OcspUnknown => Text::new(
            "Tạm thời chưa kiểm tra được chứng thư",
            "Hệ thống xác minh chứng thư chưa trả lời, nên cổng không thể biết chứng thư của bạn còn hiệu lực hay không.",
            "Bạn hãy thử lại sau ít giây. Nếu vẫn lỗi, hãy báo lại kèm mã yêu cầu bên dưới.",
        ),
        Reason::HandshakeNotTls => Text::new(
            "Kết nối không được mã hóa",
            "Địa chỉ này chỉ nhận kết nối TLS, nhưng dữ liệu nhận được không phải TLS.",
            "Bạn hãy dùng địa chỉ bắt đầu bằng https://.",
        ),
        Reason::HandshakeTimeout => Text::new(
            "Thiết lập kết nối quá lâu",
            "Kết nối an toàn không được thiết lập kịp thời gian cho phép.",
            "Bạn hãy kiểm tra mạng rồi thử lại. Nếu thẻ thông minh hỏi mã PIN, hãy nhập sớm.",
        ),
        Reason::HandshakeAborted => Text::new(
            "Kết nối bị ngắt giữa chừng",
            "Phía bạn đã ngắt kết nối an toàn trước khi thiết lập xong.",
            "Bạn hãy thử lại. Nếu trình duyệt cảnh báo về địa chỉ này, đừng tiếp tục mà hãy báo lại.",
        ),
        Reason::HandshakeIncompatible => Text::new(
            "Phần mềm quá cũ để kết nối an toàn",
            "Phần mềm của bạn và cổng này không có giao thức an toàn chung.",
            "Bạn hãy cập nhật trình duyệt hoặc chương trình rồi thử lại.",
        ),
        Reason::HandshakeUnknownName => Text::new(
            "Cổng không phục vụ địa chỉ này",
            "Cổng không có chứng thư cho tên miền mà bạn yêu cầu.",
            "Bạn hãy kiểm tra xem địa chỉ có gõ nhầm không.",
        ),
        Reason::HandshakeFailed => Text::new(
            "Không thiết lập được kết nối an toàn",
            "Thiết bị của bạn không chứng minh được mình giữ khóa của chứng thư, hoặc kết nối gặp lỗi khác.",
            "Bạn hãy thử lại. Nếu vẫn lỗi, hãy cài lại chứng thư hoặc đề nghị cấp mới.",
        ),
        Reason::ConnectionLimit => Text::new(
            "Cổng đang quá tải",
            "Hiện có nhiều kết nối hơn mức cổng có thể tiếp nhận.",
            "Bạn hãy thử lại sau một phút.",
        ),
        Reason::RequestSourceLimit => Text::new(
            "Quá nhiều yêu cầu cùng lúc",
            "Địa chỉ mạng của bạn đang có nhiều yêu cầu cùng lúc hơn mức cho phép.",
            "Bạn hãy đóng bớt các trang không dùng đến, chờ một lát rồi thử lại.",
        ),
        Reason::StreamIdle => Text::new(
            "Kết nối không hoạt động quá lâu",
            "Kết nối này không truyền dữ liệu trong một thời gian dài nên đã được kết thúc.",
            "Bạn hãy tải lại trang.",
        ),
        Reason::ConnectionSourceLimit => Text::new(
            "Quá nhiều kết nối từ mạng của bạn",
            "Địa chỉ mạng của bạn đang mở quá nhiều kết nối.",
            "Bạn hãy đóng bớt cửa sổ và chương trình không cần thiết rồi thử lại sau một phút.",
        ),
        Reason::ConnectionProxyHeader => Text::new(
            "Kết nối thiếu thông tin nguồn",
            "Bộ cân bằng tải phía trước cổng không cho biết nó kết nối thay cho ai.",
            "Bạn không thể tự khắc phục lỗi này. Hãy báo lại kèm mã yêu cầu bên dưới.",
        ),
        Reason::ConnectionFlood => Text::new(
            "Kết nối bị đóng vì gửi quá nhiều",
            "Chương trình của bạn gửi quá nhiều thông điệp điều khiển so với mức cần thiết.",
            "Bạn hãy đợi một phút rồi thử lại. Nếu vẫn lỗi, hãy cập nhật chương trình đang dùng.",
        ),
        Reason::RequestHeadTimeout => Text::new(
            "Yêu cầu gửi quá chậm",
            "Yêu cầu của bạn không đến đầy đủ trong thời gian cho phép.",
            "Bạn hãy kiểm tra mạng rồi thử lại.",
        ),
        Reason::RequestMalformed => Text::new(
            "Không đọc được yêu cầu",
            "Nội dung chương trình của bạn gửi không phải là một yêu cầu hợp lệ.",
            "Bạn hãy tải lại trang. Nếu bạn mở từ một liên kết, có thể liên kết đó bị hỏng: hãy báo cho người đã gửi.",
        ),
        Reason::RequestHeadTooLarge => Text::new(
            "Địa chỉ hoặc phần đầu yêu cầu quá lớn",
            "Địa chỉ, phần đầu hoặc cookie trong yêu cầu của bạn lớn hơn mức cổng cho phép.",
            "Bạn hãy xóa cookie của trang này rồi thử lại.",
        ),
        Reason::RequestHostAbsent => Text::new(
            "Yêu cầu không nêu tên máy chủ",
            "Chương trình của bạn không cho biết cần truy cập trang nào.",
            "Bạn hãy cập nhật chương trình đang dùng, hoặc báo cho người phụ trách chương trình đó.",
        ),
        Reason::RequestHostAmbiguous => Text::new(
            "Không rõ yêu cầu gửi đến máy chủ nào",
            "Yêu cầu nêu nhiều tên máy chủ, hoặc một tên có thể hiểu theo nhiều cách.",
            "Bạn hãy gõ lại địa chỉ. Nếu yêu cầu do một chương trình gửi, hãy báo cho người phụ trách chương trình đó.",
        ),
        Reason::RequestHostMisdirected => Text::new(
            "Yêu cầu đi nhầm kết nối",
            "Chương trình của bạn gửi yêu cầu này qua kết nối đã mở cho một trang khác.",
            "Bạn hãy tải lại trang: trình duyệt sẽ mở một kết nối riêng.",
        ),
        Reason::RequestHostUnknown => Text::new(
            "Không có ứng dụng nào ở địa chỉ này",
            "Cổng không biết ứng dụng nào mang tên này.",
            "Bạn hãy kiểm tra xem địa chỉ có gõ nhầm không. Nếu trước đây vẫn dùng được, hãy báo lại.",
        ),
        Reason::RequestPathAmbiguous => Text::new(
            "Địa chỉ có thể hiểu theo nhiều cách",
            "Đường dẫn trong địa chỉ có những ký tự mà các máy chủ có thể hiểu khác nhau, nên cổng không xác định được bạn cần gì.",
            "Bạn hãy vào trang đầu của ứng dụng rồi tìm trang cần dùng. Nếu bạn mở từ một liên kết, hãy báo cho người đã gửi.",
        ),
        Reason::RequestTarget => Text::new(
            "Yêu cầu không nêu trang cần mở",
            "Đích của yêu cầu không phải là một đường dẫn trên trang này.",
            "Bạn hãy gõ lại địa chỉ. Nếu yêu cầu do một chương trình gửi, hãy báo cho người phụ trách chương trình đó.",
        ),
        Reason::RequestMethod => Text::new(
            "Loại yêu cầu này không được phép",
            "Phương thức của yêu cầu thuộc loại mà cổng không chuyển tiếp.",
            "Nếu yêu cầu do một chương trình gửi, bạn hãy báo cho người phụ trách chương trình đó.",
        ),
        Reason::RequestFraming => Text::new(
            "Không rõ yêu cầu kết thúc ở đâu",
            "Yêu cầu khai báo độ dài của chính nó theo những cách mâu thuẫn nhau.",
            "Bạn hãy cập nhật chương trình đang dùng, hoặc báo cho người phụ trách. Lỗi cũng có thể do máy chủ trung gian giữa bạn và cổng.",
        ),
        Reason::RequestUpgrade => Text::new(
            "Loại kết nối này không được phép",
            "Yêu cầu muốn chuyển sang giao thức khác WebSocket, hoặc chuyển không đúng cách.",
            "Nếu yêu cầu do một chương trình gửi, bạn hãy báo cho người phụ trách chương trình đó.",
        ),
        Reason::RequestConnectionAuth => Text::new(
            "Không thể đăng nhập theo cách này",
            "Yêu cầu đăng nhập bằng NTLM hoặc Negotiate, vốn gắn với từng kết nối, trong khi các kết nối phía sau cổng được dùng chung.",
            "Bạn hãy đăng nhập vào ứng dụng bằng cách khác, và báo cho người phụ trách ứng dụng.",
        ),
        Reason::RequestBodyTooLarge => Text::new(
            "Dữ liệu gửi lên quá lớn",
            "Dữ liệu bạn gửi lên lớn hơn mức ứng dụng này cho phép.",
            "Bạn hãy gửi tệp nhỏ hơn, hoặc chia thành nhiều phần.",
        ),
        Reason::RequestBodyTooSlow => Text::new(
            "Dữ liệu gửi lên quá chậm",
            "Dữ liệu bạn gửi đến quá chậm nên đã bị ngắt.",
            "Bạn hãy kiểm tra mạng rồi thử lại.",
        ),
        Reason::RequestBodyMalformed => Text::new(
            "Không đọc được dữ liệu gửi lên",
            "Phần nội dung của yêu cầu bị mã hóa sai.",
            "Bạn hãy thử lại. Nếu vẫn lỗi, hãy cập nhật chương trình đang dùng.",
        ),
        Reason::RequestRateLimited => Text::new(
            "Quá nhiều yêu cầu",
            "Bạn, hoặc một chương trình làm việc dưới tên bạn, đã gửi đến ứng dụng này nhiều yêu cầu hơn mức dành cho một người hoặc một dịch vụ.",
            "Bạn hãy chờ một lát rồi thử lại chậm hơn. Nếu bạn không gửi nhiều như vậy, hãy báo ngay: có thể ai đó đang dùng chứng thư của bạn.",
        ),
        Reason::RequestOwnPath => Text::new(
            "Không có trang này",
            "Các địa chỉ bắt đầu bằng /.gaccong/ thuộc về chính cổng, và không có gì ở địa chỉ này.",
            "Bạn hãy quay về trang đầu của ứng dụng.",
        ),
        Reason::BreakGlassNoGrant => Text::new(
            "Không có giấy cấp quyền nào đang có hiệu lực",
            "Chứng thư của bạn chỉ dùng trong trường hợp khẩn cấp. Nó mở được ứng dụng khi có giấy cấp quyền cho bạn, do hai người có trách nhiệm ký, đang có hiệu lực; hiện không có giấy nào cho ứng dụng này.",
            "Nếu đây là trường hợp khẩn cấp, hãy liên hệ những người được ký giấy cấp quyền. Nếu không, hãy dùng chứng thư thường ngày của bạn.",
        ),
        Reason::PrincipalAbsent => Text::new(
            "Đã nhận ra thiết bị nhưng chưa biết bạn là ai",
            "Chứng thư chỉ nêu tên thiết bị, trong khi ứng dụng này cần biết người đang dùng thiết bị.",
            "Bạn hãy dùng chứng thư có nêu tên bạn, hoặc đề nghị được cấp.",
        ),
        Reason::DeviceAbsent => Text::new(
            "Chưa xác định được thiết bị",
            "Ứng dụng này chỉ mở cho thiết bị đã đăng ký, nhưng kết nối của bạn không chứng minh được thiết bị nào.",
            "Bạn hãy dùng thiết bị do cơ quan cấp.",
        ),
        Reason::PrincipalRevoked => Text::new(
            "Quyền truy cập của bạn đang bị tạm ngưng",
            "Cơ quan của bạn đã tạm ngưng quyền truy cập của bạn vào mọi ứng dụng sau cổng này.",
            "Bạn đừng thử lại. Hãy hỏi cấp trên hoặc bộ phận hỗ trợ và cung cấp mã yêu cầu bên dưới.",
        ),
        Reason::SessionRevoked => Text::new(
            "Bạn cần xác thực lại",
            "Tài khoản hoặc thiết bị của bạn đã có thay đổi kể từ khi kết nối này được thiết lập, nên kết nối không còn giá trị.",
            "Bạn hãy đóng hẳn trình duyệt, mở lại rồi quay lại trang này. Nếu vẫn bị từ chối, hãy cung cấp mã yêu cầu bên dưới.",
        ),
        Reason::DeviceRevoked => Text::new(
            "Thiết bị này đã bị chặn",
            "Cơ quan của bạn đã chặn thiết bị này, chẳng hạn vì thiết bị được báo mất hoặc không an toàn.",
            "Bạn hãy dùng thiết bị khác của cơ quan. Nếu thiết bị này là của bạn và an toàn, hãy hỏi bộ phận hỗ trợ và cung cấp mã yêu cầu bên dưới.",
        ),
        Reason::Lockdown => Text::new(
            "Tạm thời đóng",
            "Cơ quan của bạn đã đóng ứng dụng này, hoặc quyền truy cập của nhóm bạn, cho đến khi một sự việc an ninh được giải quyết.",
            "Bạn và thiết bị của bạn không có lỗi gì. Hãy chờ thông báo của cơ quan, hoặc hỏi bộ phận hỗ trợ khi nào mở lại.",
        ),
        Reason::PostureAbsent => Text::new(
            "Chưa có thông tin về trạng thái thiết bị",
            "Thiết bị của bạn chưa báo cáo tình trạng an toàn, chẳng hạn ổ đĩa đã mã hóa và phần mềm đã cập nhật hay chưa.",
            "Bạn hãy kiểm tra phần mềm quản lý của cơ quan trên thiết bị đang chạy và có mạng, rồi thử lại sau vài phút.",
        ),
        Reason::PostureStale => Text::new(
            "Báo cáo của thiết bị đã quá cũ",
            "Lần gần nhất thiết bị của bạn báo cáo tình trạng đã quá lâu, không còn đủ tin cậy.",
            "Bạn hãy nối mạng cho thiết bị, kiểm tra phần mềm quản lý đang chạy, rồi thử lại sau vài phút.",
        ),
        Reason::PostureIncomplete => Text::new(
            "Báo cáo của thiết bị chưa đầy đủ",
            "Thiết bị của bạn chưa báo cáo đủ các thông tin bắt buộc về tình trạng của nó.",
            "Bạn hãy cập nhật phần mềm quản lý trên thiết bị rồi thử lại. Nếu vẫn lỗi, hãy cung cấp mã yêu cầu bên dưới.",
        ),
        Reason::PolicyNoPermit => Text::new(
            "Bạn chưa có quyền truy cập",
            "Cổng đã nhận ra bạn, nhưng chưa có quy tắc nào cho phép bạn truy cập nội dung này.",
            "Nếu công việc cần đến, bạn hãy đề nghị cấp trên hoặc đơn vị quản lý ứng dụng cấp quyền.",
        ),
        Reason::PolicyForbid => Text::new(
            "Truy cập bị từ chối",
            "Một quy tắc an ninh không cho phép truy cập trong điều kiện hiện tại, ví dụ do tình trạng thiết bị, địa điểm hoặc thời gian.",
            "Bạn hãy kiểm tra thiết bị đã được cập nhật và an toàn. Nếu cho rằng quy tắc áp dụng chưa đúng, hãy cung cấp mã yêu cầu bên dưới.",
        ),
        Reason::PolicyError => Text::new(
            "Không thể quyết định quyền truy cập",
            "Một quy tắc của ứng dụng này bị lỗi; khi chưa thể quyết định, cổng luôn từ chối.",
            "Bạn không thể tự khắc phục lỗi này. Hãy báo lại kèm mã yêu cầu bên dưới.",
        ),
        Reason::UpstreamUnavailable => Text::new(
            "Ứng dụng tạm thời không hoạt động",
            "Bạn được phép dùng, nhưng hiện không có máy chủ nào của ứng dụng sẵn sàng.",
            "Bạn hãy thử lại sau vài phút.",
        ),
        Reason::SessionAbsent => Text::new(
            "Vui lòng đăng nhập",
            "Ứng dụng này chỉ dành cho người đã đăng nhập, và bạn chưa đăng nhập.",
            "Bạn hãy đăng nhập bằng tài khoản của cơ quan.",
        ),
        Reason::SessionExpired => Text::new(
            "Phiên làm việc đã kết thúc",
            "Mỗi lần đăng nhập chỉ có hiệu lực trong một thời gian, và lần đăng nhập của bạn đã hết hạn.",
            "Bạn hãy đăng nhập lại.",
        ),
        Reason::SessionIdle => Text::new(
            "Bạn đã không hoạt động một thời gian",
            "Phiên làm việc của bạn đã kết thúc vì lâu không được sử dụng.",
            "Bạn hãy đăng nhập lại.",
        ),
        Reason::SessionInvalid => Text::new(
            "Không đọc được phiên làm việc",
            "Cookie phiên làm việc không do cổng này đặt, đã bị thay đổi hoặc đã quá cũ.",
            "Bạn hãy đăng nhập lại. Nếu vẫn gặp lỗi này, hãy xóa cookie của trang.",
        ),
        Reason::SessionOtherDevice => Text::new(
            "Phiên làm việc thuộc về thiết bị khác",
            "Bạn đã đăng nhập trên một thiết bị, nhưng phiên làm việc lại được gửi từ thiết bị khác.",
            "Bạn hãy đăng nhập trên thiết bị này. Nếu bạn không tự sao chép dữ liệu trình duyệt, hãy báo ngay cho bộ phận hỗ trợ.",
        ),
        Reason::SessionPrincipalMismatch => Text::new(
            "Hai người dùng cùng lúc",
            "Chứng thư của bạn mang tên một người, còn phiên làm việc là của người khác.",
            "Bạn hãy đăng xuất, rồi đăng nhập bằng tài khoản của người có tên trong chứng thư.",
        ),
        Reason::SessionStepUp => Text::new(
            "Cần đăng nhập ở mức cao hơn",
            "Việc bạn muốn làm đòi hỏi lần đăng nhập mạnh hơn hoặc mới hơn lần hiện tại.",
            "Bạn hãy đăng nhập thêm một lần nữa, sau đó có thể tiếp tục.",
        ),
        Reason::LoginStateInvalid => Text::new(
            "Không thể tiếp tục đăng nhập",
            "Lần đăng nhập này đã bắt đầu quá lâu, từ trình duyệt khác hoặc không phải từ trang này.",
            "Bạn hãy mở lại ứng dụng và đăng nhập từ đó.",
        ),
        Reason::LoginCodeInvalid => Text::new(
            "Lần đăng nhập này đã được dùng",
            "Bước cuối của đăng nhập chỉ dùng được một lần, trong thời gian ngắn, trên trình duyệt đã bắt đầu.",
            "Bạn hãy mở lại ứng dụng; nếu được hỏi, hãy đăng nhập lại.",
        ),
        Reason::LoginProviderUnavailable => Text::new(
            "Hiện chưa thể đăng nhập",
            "Dịch vụ đăng nhập không trả lời đúng cách.",
            "Bạn hãy thử lại sau vài phút. Người đã đăng nhập vẫn làm việc bình thường.",
        ),
        Reason::LoginProviderRefused => Text::new(
            "Bạn chưa được đăng nhập",
            "Lần đăng nhập đã bị từ chối hoặc bị hủy.",
            "Bạn hãy thử lại. Nếu vẫn bị từ chối, hãy hỏi bộ phận hỗ trợ.",
        ),
        Reason::LoginTokenInvalid => Text::new(
            "Không xác minh được lần đăng nhập",
            "Thông tin mà dịch vụ đăng nhập gửi về bạn không hợp lệ.",
            "Bạn hãy thử lại. Nếu vẫn gặp lỗi, hãy báo lại kèm mã yêu cầu bên dưới.",
        ),
        Reason::LoginPrincipalAbsent => Text::new(
            "Tài khoản của bạn chưa đủ thông tin",
            "Dịch vụ đăng nhập nhận ra bạn nhưng không cho biết tên mà cổng này dùng để nhận diện người dùng.",
            "Bạn hãy đề nghị bộ phận hỗ trợ bổ sung thông tin tài khoản.",
        ),
        Reason::TokenMalformed => Text::new(
            "Không đọc được mã truy cập",
            "Mã truy cập không phải là JSON Web Token có chữ ký đúng dạng, hoặc quá lớn.",
            "Hãy lấy mã mới từ nơi cấp.",
        ),
        Reason::TokenUntrusted => Text::new(
            "Mã truy cập không được tin cậy",
            "Nơi cấp, thuật toán, khóa hoặc chữ ký của mã không được cổng này chấp nhận.",
            "Hãy lấy mã từ nơi cấp đã được cấu hình tại cổng.",
        ),
        Reason::TokenExpired => Text::new(
            "Mã truy cập không còn hoặc chưa có hiệu lực",
            "Mã đã hết hạn hoặc chưa đến thời điểm hiệu lực.",
            "Hãy lấy mã mới và kiểm tra đồng hồ của các máy.",
        ),
        Reason::TokenAudience => Text::new(
            "Mã truy cập dành cho dịch vụ khác",
            "Đối tượng nhận của mã không phải là cổng này.",
            "Hãy yêu cầu nơi cấp một mã có đúng đối tượng nhận.",
        ),
        Reason::TokenBinding => Text::new(
            "Mã truy cập không gắn với kết nối này",
            "Mã gắn với chứng thư khác với chứng thư của kết nối, hoặc không gắn với chứng thư nào.",
            "Hãy dùng mã cùng với chứng thư mà nó được cấp cho.",
        ),
        Reason::TokenKeysUnavailable => Text::new(
            "Chưa kiểm tra được mã truy cập",
            "Cổng chưa biết khóa của mã và đang hỏi nơi cấp.",
            "Hãy thử lại sau vài giây.",
        ),
        Reason::TokenPrincipalAbsent => Text::new(
            "Mã truy cập không có tên chủ thể",
            "Mã thiếu thông tin mà cổng dùng để biết ai đang yêu cầu.",
            "Hãy đề nghị nơi cấp đưa tên vào mã.",
        ),
        Reason::RequestCrossSite => Text::new(
            "Yêu cầu này do trang khác gửi",
            "Một trang web khác đã khiến trình duyệt của bạn gửi yêu cầu này. Cổng không chuyển tiếp vì có thể bạn không chủ ý.",
            "Bạn hãy mở chính ứng dụng và thao tác tại đó. Nếu hai trang thuộc cùng một hệ thống, hãy đề nghị đơn vị quản lý cho phép.",
        ),
        Reason::UpstreamConnect => Text::new(
            "Không kết nối được với ứng dụng",
            "Bạn được phép dùng, nhưng máy chủ của ứng dụng không nhận kết nối từ cổng.",
            "Bạn hãy thử lại sau vài phút. Nếu vẫn lỗi, hãy báo lại kèm mã yêu cầu bên dưới.",
        ),
        Reason::UpstreamTimeout => Text::new(
            "Ứng dụng không trả lời kịp",
            "Yêu cầu của bạn đã được chuyển đi nhưng chưa có câu trả lời.",
            "Bạn hãy thử lại sau vài phút. Trước khi gửi lại biểu mẫu, hãy kiểm tra xem lần gửi trước đã được ghi nhận chưa.",
        ),
        Reason::UpstreamProtocol => Text::new(
            "Câu trả lời của ứng dụng bị lỗi",
            "Yêu cầu của bạn đã được chuyển đi, nhưng câu trả lời bị hỏng hoặc kết thúc sớm.",
            "Bạn hãy thử lại. Trước khi gửi lại biểu mẫu, hãy kiểm tra xem lần gửi trước đã được ghi nhận chưa. Nếu vẫn lỗi, hãy báo lại.",
        ),
        Reason::UpstreamConnectionAuth => Text::new(
            "Ứng dụng đòi cách đăng nhập không an toàn",
            "Ứng dụng đòi bạn đăng nhập bằng NTLM hoặc Negotiate; phía sau cổng, cách này có thể khiến người khác dùng danh nghĩa của bạn.",
            "Bạn không thể tự khắc phục lỗi này. Hãy báo cho đơn vị quản lý ứng dụng.",
        ),
        Reason::AuditQueueFull => Text::new(
            "Cổng tạm thời chưa ghi được nhật ký",
            "Mọi truy cập đều phải được ghi lại. Hiện cổng chưa ghi được nên không cho yêu cầu nào đi qua.",
            "Bạn hãy thử lại sau một phút.",
        ),
        Reason::GatewayDraining => Text::new(
            "Cổng đang khởi động lại",
            "Cổng đang dừng để bảo trì và yêu cầu của bạn chưa kịp hoàn tất.",
            "Bạn hãy thử lại sau một phút. Trước khi gửi lại biểu mẫu, hãy kiểm tra xem lần gửi trước đã được ghi nhận chưa.",
        ),
        Reason::GatewayInternal => Text::new(
            "Cổng gặp lỗi",
            "Đã có lỗi xảy ra trong chính cổng này.",
            "Bạn hãy thử lại sau vài phút. Nếu vẫn lỗi, hãy báo lại kèm mã yêu cầu bên dưới.",
        ),
    }
}
