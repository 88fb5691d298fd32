"""Write src/vits_tts/text/data/contracted.tsv: words whose first syllable is only an initial.

People write ``nviên`` for nhân viên and ``hđộng`` for hoạt động. For each initial and each second
syllable, the counts of data/pairs.bin tell which couple is meant. Only couples that are frequent,
and that are meant in most cases, are written; a list of the ones that people use most comes first.
Run it after a change: python training/reading/contractions.py
"""

import re
from collections import defaultdict
from pathlib import Path

from vits_tts.text.normalizer import cues, languages, lexicon, people, restore
from vits_tts.text.normalizer.slips import ranks
from vits_tts.text.syllables import is_syllable

TARGET = Path(__file__).parents[2] / "src/vits_tts/text/data/contracted.tsv"
ONSETS = ("ch", "th", "tr", "ng", "nh", "ph", "kh", "gi")
VOWELS = "aeiouy"
FOREIGN = re.compile(
    "bl|br|cl|cr|dr|dw|fl|fr|gl|gr|pl|pr|sc|sk|sl|sm|sn|sp|st|sw|sq|tr|tw|wh|wr|th|ch|sh|ph|kn|gn"
    "|ps|kl|ts|dj|mc|sr|vl|zh"
)
"""Onsets of foreign words, so that a form without marks may be one."""
RARE = 4
KEPT = {True: (400, 0.65), False: (100, 0.6)}
"""Minimum count and share of a couple, for forms without and with marks."""
DOUBLED = 0.8
"""Minimum share of a form like ``ktế``, whose doubled letter may be a slip (``nnhà``)."""

LISTED = """
bgai=bạn gái; bgái=bạn gái; btrai=bạn trai; bthan=bạn thân; bthân=bạn thân; nglon=người lớn;
nglớn=người lớn; ccau=các cậu; ccậu=các cậu; kbiet=không biết; kbiết=không biết; kco=không có;
kcó=không có; ktin=không tin; kthe=không thể; kthể=không thể; kthich=không thích; kthích=không
thích; kmuon=không muốn; kmuốn=không muốn; kphải=không phải; kphai=không phải; kđược=không được;
kduoc=không được; kcần=không cần; kcan=không cần; ksao=không sao; kbị=không bị; kđi=không đi;
kdám=không dám; kgiống=không giống; kvui=không vui; kngon=không ngon; kđẹp=không đẹp; kliên=không
liên; kqtâm=không quan tâm; cgi=cái gì; cgì=cái gì; lgi=làm gì; lgì=làm gì; lmgi=làm gì; lmgì=làm
gì; ngmai=ngày mai; nmai=ngày mai; smai=sáng mai; cmai=chiều mai; tmai=tối mai; tnay=tối nay;
snay=sáng nay; cnay=chiều nay; đnay=đêm nay; trnay=trưa nay; tqua=tối qua; đqua=đêm qua; ctuan=cuối
tuần; ctuần=cuối tuần; cthang=cuối tháng; ctháng=cuối tháng; đtuần=đầu tuần; đtháng=đầu tháng;
ttuan=tuần tới; ttuần=tuần tới; nvay=như vậy; nvậy=như vậy; kbạn=kết bạn; kban=kết bạn; bluan=bình
luận; bluận=bình luận; bthuong=bình thường; bthường=bình thường; dthuong=dễ thương; dthương=dễ
thương; trloi=trả lời; trlời=trả lời; chbi=chuẩn bị; chbị=chuẩn bị; cbi=chuẩn bị; cbị=chuẩn bị;
tnhan=tin nhắn; tnhắn=tin nhắn; ntin=nhắn tin; mtinh=máy tính; mtính=máy tính; thgian=thời gian;
tgian=thời gian; thgia=tham gia; tgia=tham gia; qđinh=quyết định; qđịnh=quyết định; qdinh=quyết
định; ccap=cung cấp; ccấp=cung cấp; bdau=bắt đầu; bđầu=bắt đầu; bđau=bắt đầu; đhang=đơn hàng;
đhàng=đơn hàng; dhang=đơn hàng; hđộng=hoạt động; hdong=hoạt động; hđong=hoạt động; tchat=tính chất;
tchất=tính chất; gthieu=giới thiệu; gthiệu=giới thiệu; nvien=nhân viên; nviên=nhân viên; tly=tâm lý;
tlý=tâm lý; dvu=dịch vụ; dvụ=dịch vụ; kkhan=khó khăn; kkhăn=khó khăn; tlai=tương lai; ptrien=phát
triển; ptriển=phát triển; đkien=điều kiện; đkiện=điều kiện; dkien=điều kiện; tquen=thói quen;
tcam=tình cảm; tcảm=tình cảm; tyeu=tình yêu; tyêu=tình yêu; hphuc=hạnh phúc; hphúc=hạnh phúc;
ctay=chia tay; lhe=liên hệ; lhệ=liên hệ; đky=đăng ký; đký=đăng ký; dky=đăng ký; đki=đăng ký;
dki=đăng ký; đkí=đăng ký; dkí=đăng ký; dký=đăng ký; ttac=tương tác; ttác=tương tác; xnhan=xác nhận;
xnhận=xác nhận; htro=hỗ trợ; htrợ=hỗ trợ; tvan=tư vấn; tvấn=tư vấn; bgia=báo giá; bgiá=báo giá;
ggiá=giảm giá; ggia=giảm giá; nchuyen=nói chuyện; nchuyện=nói chuyện; kchuyen=kể chuyện; kchuyện=kể
chuyện; sdung=sử dụng; sdụng=sử dụng; ssanh=so sánh; ssánh=so sánh; vsao=vì sao; tsao=tại sao;
lmsao=làm sao; lsao=làm sao; knao=khi nào; knào=khi nào; chnao=chừng nào; chnào=chừng nào; đhoc=đại
học; đhọc=đại học; dhoc=đại học; svien=sinh viên; sviên=sinh viên; hsinh=học sinh; gvien=giáo viên;
gviên=giáo viên; cgiáo=cô giáo; tgiáo=thầy giáo; bvien=bệnh viện; bviện=bệnh viện; bsi=bác sĩ;
bsĩ=bác sĩ; bsỹ=bác sỹ; vnam=việt nam; hnoi=hà nội; hnội=hà nội; sgon=sài gòn; sgòn=sài gòn;
đnang=đà nẵng; đnẵng=đà nẵng; hphong=hải phòng; hphòng=hải phòng; đlat=đà lạt; đlạt=đà lạt;
vtau=vũng tàu; vtàu=vũng tàu; ntrang=nha trang; pquoc=phú quốc; pquốc=phú quốc; qninh=quảng ninh;
qnam=quảng nam; qbình=quảng bình; qbinh=quảng bình; tnguyen=thái nguyên; bduong=bình dương;
bdương=bình dương; ctho=cần thơ; cthơ=cần thơ; nghan=nghệ an; tte=thực tế; ttế=thực tế; thte=thực
tế; thtế=thực tế; kte=kinh tế; ktế=kinh tế; kdoanh=kinh doanh; xhoi=xã hội; xhội=xã hội; csong=cuộc
sống; csống=cuộc sống; vhoa=văn hóa; vhóa=văn hóa; gtri=giá trị; gtrị=giá trị; ldo=lý do;
nnhan=nguyên nhân; nnhân=nguyên nhân; ycau=yêu cầu; ycầu=yêu cầu; ykien=ý kiến; ykiến=ý kiến;
đđiểm=địa điểm; đđiem=địa điểm; ddiem=địa điểm; dchi=địa chỉ; dchỉ=địa chỉ; đchi=địa chỉ; đchỉ=địa
chỉ; sluong=số lượng; slượng=số lượng; tluong=trọng lượng; tlượng=trọng lượng; nluong=năng lượng;
nlượng=năng lượng; kluong=khối lượng; klượng=khối lượng; kthuoc=kích thước; kthước=kích thước;
msac=màu sắc; msắc=màu sắc; tkhoan=tài khoản; tkhoản=tài khoản; mkhau=mật khẩu; mkhẩu=mật khẩu;
ckhoan=chuyển khoản; ckhoản=chuyển khoản; ckhoảng=chuyển khoản; chkhoan=chuyển khoản; chkhoản=chuyển
khoản; ttoan=thanh toán; ttoán=thanh toán; gdich=giao dịch; gdịch=giao dịch; gdung=gia dụng;
gdụng=gia dụng; qtrong=quan trọng; qtrọng=quan trọng; qtam=quan tâm; qtâm=quan tâm; ktra=kiểm tra;
kqua=kết quả; kquả=kết quả; gdinh=gia đình; gđình=gia đình; ctrinh=chương trình; ctrình=chương
trình; cviec=công việc; cviệc=công việc; tcong=thành công; tcông=thành công; hthanh=hoàn thành;
hthành=hoàn thành; đthoai=điện thoại; dthoai=điện thoại; đthoại=điện thoại; nglieu=nguyên liệu;
nliệu=nguyên liệu; vphong=văn phòng; vphòng=văn phòng; kvuc=khu vực; kvực=khu vực; tphan=thành phần;
tphần=thành phần; qcao=quảng cáo; qcáo=quảng cáo; mtrường=môi trường; mtruong=môi trường; btap=bài
tập; btập=bài tập; bgiảng=bài giảng; đthi=đề thi; kthi=kỳ thi; lthi=luyện thi; đcương=đề cương;
kthức=kiến thức; kthuc=kiến thức; knghiệm=kinh nghiệm; knghiem=kinh nghiệm; ttập=thực tập; ttap=thực
tập; tluan=tiểu luận; tluận=tiểu luận; kluan=kết luận; kluận=kết luận; tnghiep=tốt nghiệp;
tnghiệp=tốt nghiệp; chnganh=chuyên ngành; cngành=chuyên ngành; hbổng=học bổng; hbong=học bổng;
hphi=học phí; hphí=học phí; hphần=học phần; hphan=học phần; tchỉ=tín chỉ; tchi=tín chỉ; gkỳ=giữa kỳ;
gky=giữa kỳ; ckỳ=cuối kỳ; cky=cuối kỳ; tnhom=trưởng nhóm; tnhóm=trưởng nhóm; nxet=nhận xét;
nxét=nhận xét
"""


def couples() -> dict[str, dict[str, float]]:
    """Return the couples that each form may stand for, with their counts."""
    pairs, syllables = restore._pairs(), list(ranks())  # noqa: SLF001
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for first, head in enumerate(syllables):
        plain = people.plain(head)
        initials = {head[0], plain[0], *(onset for onset in ONSETS if plain.startswith(onset))}
        initials = {initial for initial in initials if people.plain(initial)[0] not in VOWELS}
        start, end, _ = pairs.row(first)
        for place in range(start, end) if initials else ():
            second = pairs._keys[place] % restore.SYLLABLES  # noqa: SLF001
            count = pairs._scale[pairs._counts[place]]  # noqa: SLF001
            if count < RARE or second >= len(syllables) or len(syllables[second]) == 1:
                continue
            tail = syllables[second]
            for initial in initials:
                found[initial + tail][f"{head} {tail}"] += count
                if not tail.isascii():
                    form = people.plain(initial) + people.plain(tail)
                    found[form][f"{head} {tail}"] += count
    return found


def contractions() -> dict[str, str]:
    """Return the forms and their two syllables."""
    listed = dict(entry.strip().split("=") for entry in LISTED.replace("\n", " ").split(";"))
    chat, words = cues.table("chat.tsv"), lexicon.built_in()
    found = {}
    for form, meant in couples().items():
        best = max(meant, key=lambda couple: meant[couple])
        share = meant[best] / sum(meant.values())
        count, least = KEPT[form.isascii()]
        vowel = people.plain(form[1])[:1] in VOWELS
        known = is_syllable(form) or form in restore._marked() or form in chat  # noqa: SLF001
        if known or vowel or meant[best] < count or share < least:
            continue
        if form[0] == form[1] and share < DOUBLED:
            continue
        foreign = form.isascii() and (
            len(form) <= RARE - 1
            or FOREIGN.match(form)
            or languages.is_english(form)
            or words.knows(form)
        )
        if not foreign and re.fullmatch("[a-zà-ỹđ]+", form):
            found[form] = best
    return found | listed


if __name__ == "__main__":
    rows = sorted(contractions().items(), key=lambda row: row[0].encode())
    TARGET.write_text("".join(f"{form}\t{meant}\n" for form, meant in rows), encoding="utf-8")
