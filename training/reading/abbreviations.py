"""Write src/vits_tts/text/data/abbreviations.tsv: abbreviations composed of known parts.

Most long Vietnamese abbreviations are an office and a field, a title and a body, or a kind of
school and its subject. This program composes the ones in use from their parts and adds a list of
single ones. Run it after a change: python training/reading/abbreviations.py
"""

from pathlib import Path

TARGET = Path(__file__).parents[2] / "src/vits_tts/text/data/abbreviations.tsv"


def pairs(listed: str) -> dict[str, str]:
    """Return the entries of ``ABC=what it stands for; ...``."""
    entries = (entry.strip() for entry in listed.replace("\n", " ").split(";"))
    return dict(entry.split("=", 1) for entry in entries if entry)


FIELDS = pairs("""
GDĐT=giáo dục đào tạo; GD&ĐT=giáo dục và đào tạo; GD-ĐT=giáo dục và đào tạo; YT=y tế; TC=tài chính;
TNMT=tài nguyên môi trường; TN&MT=tài nguyên và môi trường; TN-MT=tài nguyên môi trường;
NNPTNT=nông nghiệp phát triển nông thôn; NN&PTNT=nông nghiệp và phát triển nông thôn;
NNMT=nông nghiệp môi trường; NN&MT=nông nghiệp và môi trường; GTVT=giao thông vận tải;
XD=xây dựng; CT=công thương; TTTT=thông tin truyền thông; TT&TT=thông tin và truyền thông;
KHCN=khoa học công nghệ; KH&CN=khoa học và công nghệ; KHĐT=kế hoạch đầu tư;
KH&ĐT=kế hoạch và đầu tư; LĐTBXH=lao động thương binh xã hội;
LĐ-TB&XH=lao động thương binh và xã hội; LĐTB&XH=lao động thương binh và xã hội;
VHTTDL=văn hóa thể thao du lịch; VHTT&DL=văn hóa thể thao và du lịch; VHTT=văn hóa thể thao;
VH&TT=văn hóa và thể thao; VHTTTT=văn hóa thể thao thông tin; NV=nội vụ; TP=tư pháp;
NG=ngoại giao; QP=quốc phòng; CA=công an; DL=du lịch; QHKT=quy hoạch kiến trúc; DTTG=dân tộc tôn giáo;
VHTTGĐ=văn hóa thể thao gia đình
""")
OFFICES = pairs(
    "B=bộ; S=sở; P=phòng; GĐS=giám đốc sở; PGĐS=phó giám đốc sở; TTS=thanh tra sở; VPB=văn phòng "
    "bộ; VPS=văn phòng sở"
)
LEVELS = pairs("""
T=tỉnh; TP=thành phố; H=huyện; Q=quận; X=xã; P=phường; TX=thị xã; TT=thị trấn; TW=trung ương;
TƯ=trung ương; ĐP=địa phương; CC=cấp cao; TC=tối cao
""")
BODIES = pairs("""
UBND=ủy ban nhân dân; HĐND=hội đồng nhân dân; TAND=tòa án nhân dân; VKSND=viện kiểm sát nhân dân;
UBMTTQ=ủy ban mặt trận tổ quốc; MTTQ=mặt trận tổ quốc; BCHQS=ban chỉ huy quân sự; BCĐ=ban chỉ đạo;
ĐU=đảng ủy; CCT=chi cục thuế; CCTHADS=chi cục thi hành án dân sự; THADS=thi hành án dân sự;
UBKT=ủy ban kiểm tra; LĐLĐ=liên đoàn lao động; HLHPN=hội liên hiệp phụ nữ; HND=hội nông dân;
HCCB=hội cựu chiến binh; HCTĐ=hội chữ thập đỏ; ĐTN=đoàn thanh niên; BTV=ban thường vụ;
BCH=ban chấp hành; VPĐKĐĐ=văn phòng đăng ký đất đai; TTYT=trung tâm y tế; BHXH=bảo hiểm xã hội;
KBNN=kho bạc nhà nước; NHCSXH=ngân hàng chính sách xã hội; TTGDTX=trung tâm giáo dục thường xuyên;
BCHPCTT=ban chỉ huy phòng chống thiên tai; BTG=ban tuyên giáo; BDV=ban dân vận; BTC=ban tổ chức;
TTHCC=trung tâm hành chính công; TTPVHCC=trung tâm phục vụ hành chính công; CQCSĐT=cơ quan cảnh sát điều tra;
BQLDA=ban quản lý dự án; TTPTQĐ=trung tâm phát triển quỹ đất; ĐĐBQH=đoàn đại biểu quốc hội
""")
TITLES = pairs("""
CT=chủ tịch; PCT=phó chủ tịch; VP=văn phòng; CVP=chánh văn phòng; PCVP=phó chánh văn phòng;
UV=ủy viên; TB=trưởng ban; PTB=phó trưởng ban; BT=bí thư; PBT=phó bí thư; ĐB=đại biểu;
TT=thường trực; TV=thành viên
""")
BOARDS = pairs("""
UBND=ủy ban nhân dân; HĐND=hội đồng nhân dân; HĐQT=hội đồng quản trị; HĐTV=hội đồng thành viên;
UBMTTQ=ủy ban mặt trận tổ quốc; LĐLĐ=liên đoàn lao động; HLHPN=hội liên hiệp phụ nữ;
HND=hội nông dân; CĐ=công đoàn; CLB=câu lạc bộ; QH=quốc hội; BCH=ban chấp hành; BTV=ban thường vụ;
BCĐ=ban chỉ đạo; UBKT=ủy ban kiểm tra; HĐGS=hội đồng giáo sư; HĐT=hội đồng trường; HKH=hội khuyến học;
HCCB=hội cựu chiến binh; HCTĐ=hội chữ thập đỏ; HSV=hội sinh viên; ĐTN=đoàn thanh niên
""")
SCHOOLS = pairs("ĐH=đại học; CĐ=cao đẳng; HV=học viện; TC=trung cấp; ĐHQG=đại học quốc gia")
SUBJECTS = pairs("""
BK=bách khoa; SP=sư phạm; KT=kinh tế; NN=ngoại ngữ; YD=y dược; YK=y khoa; GTVT=giao thông vận tải;
XD=xây dựng; TL=thủy lợi; CN=công nghiệp; CNTT=công nghệ thông tin; KHTN=khoa học tự nhiên;
KHXH=khoa học xã hội; KHXHNV=khoa học xã hội nhân văn; KTQD=kinh tế quốc dân; TCKT=tài chính kế toán;
NgT=ngoại thương; TM=thương mại; NH=ngân hàng; MT=mỹ thuật; MTCN=mỹ thuật công nghiệp; VH=văn hóa;
SKĐA=sân khấu điện ảnh; SPKT=sư phạm kỹ thuật; KTCN=kỹ thuật công nghiệp; NL=nông lâm; TDTT=thể dục thể thao;
LĐXH=lao động xã hội; HH=hàng hải; TNMT=tài nguyên môi trường; MĐC=mỏ địa chất; QTKD=quản trị kinh doanh;
KTS=kiến trúc; KTHN=kiến trúc hà nội; ANND=an ninh nhân dân; CSND=cảnh sát nhân dân; PCCC=phòng cháy chữa cháy;
CNTP=công nghiệp thực phẩm; KTKTCN=kinh tế kỹ thuật công nghiệp; KTKT=kinh tế kỹ thuật; ĐL=điện lực; DL=du lịch;
NVHN=nội vụ hà nội; TCMK=tài chính ma két tinh; BC=báo chí; BCTT=báo chí tuyên truyền; CTQG=chính trị quốc gia;
HCQG=hành chính quốc gia; QY=quân y; KTQS=kỹ thuật quân sự; KTMM=kỹ thuật mật mã; CNBCVT=công nghệ bưu chính viễn thông;
NHTPHCM=ngân hàng thành phố hồ chí minh; YHCT=y học cổ truyền; YDCT=y dược cổ truyền; TC=tài chính; PN=phụ nữ; TTN=thanh thiếu niên;
ÂN=âm nhạc; LN=lâm nghiệp; TS=thủy sản; CSHT=cơ sở hạ tầng; SPTW=sư phạm trung ương; SPHN=sư phạm hà nội;
BKHN=bách khoa hà nội; BKĐN=bách khoa đà nẵng; BKTPHCM=bách khoa thành phố hồ chí minh; KTTPHCM=kinh tế thành phố hồ chí minh;
LTPHCM=luật thành phố hồ chí minh; YHN=y hà nội; DHN=dược hà nội; LHN=luật hà nội; KTL=kinh tế luật; CNHN=công nghiệp hà nội;
CNTPHCM=công nghiệp thành phố hồ chí minh; SPTPHCM=sư phạm thành phố hồ chí minh; SPKTTPHCM=sư phạm kỹ thuật thành phố hồ chí minh;
KHTNTPHCM=khoa học tự nhiên thành phố hồ chí minh; NLTPHCM=nông lâm thành phố hồ chí minh; YDTPHCM=y dược thành phố hồ chí minh;
QGHN=quốc gia hà nội; QGTPHCM=quốc gia thành phố hồ chí minh; VHNT=văn hóa nghệ thuật; NLN=nông lâm nghiệp; CĐ=cộng đồng; N=nghề
""")
UNITS = pairs("""
TT=trung tâm; V=viện; C=cục; TC=tổng cục; CC=chi cục; BQL=ban quản lý; KH=khoa; PTP=phó trưởng phòng; HH=hiệp hội; TĐ=tập đoàn
""")
WORKS = pairs("""
YTDP=y tế dự phòng; KSBT=kiểm soát bệnh tật; DS=dân số; DSKHHGĐ=dân số kế hoạch hóa gia đình; GDTX=giáo dục thường xuyên;
GDNN=giáo dục nghề nghiệp; DVVL=dịch vụ việc làm; GTVL=giới thiệu việc làm; PTQĐ=phát triển quỹ đất; KTTV=khí tượng thủy văn;
VHTT=văn hóa thể thao; HNQG=hội nghị quốc gia; NN=ngoại ngữ; TH=tin học; NNTH=ngoại ngữ tin học; DN=dạy nghề; KN=khuyến nông;
QLTT=quản lý thị trường; QLĐB=quản lý đường bộ; ĐBVN=đường bộ việt nam; HKVN=hàng không việt nam; HHVN=hàng hải việt nam;
ĐSVN=đường sắt việt nam; ATTP=an toàn thực phẩm; ATVSTP=an toàn vệ sinh thực phẩm; BVTV=bảo vệ thực vật; CNTY=chăn nuôi thú y;
TY=thú y; KL=kiểm lâm; TL=thủy lợi; TS=thủy sản; HQ=hải quan; TK=thống kê; THADS=thi hành án dân sự; CSGT=cảnh sát giao thông;
CSHS=cảnh sát hình sự; CSKT=cảnh sát kinh tế; CSĐT=cảnh sát điều tra; ATTT=an toàn thông tin; SHTT=sở hữu trí tuệ;
XTTM=xúc tiến thương mại; XTĐT=xúc tiến đầu tư; BTXH=bảo trợ xã hội; CTXH=công tác xã hội; QLLĐNN=quản lý lao động ngoài nước;
XLVPHC=xử lý vi phạm hành chính; TCĐLCL=tiêu chuẩn đo lường chất lượng; ĐKVN=đăng kiểm việt nam; ĐK=đăng kiểm; PTNT=phát triển nông thôn;
BVMT=bảo vệ môi trường; BĐKH=biến đổi khí hậu; ĐCKS=địa chất khoáng sản; CNXD=công nghệ xây dựng; KHXH=khoa học xã hội;
HLKHVN=hàn lâm khoa học việt nam; NCKH=nghiên cứu khoa học; VSDTTW=vệ sinh dịch tễ trung ương; DDQG=dinh dưỡng quốc gia;
KCN=các khu công nghiệp; KKT=các khu kinh tế; DAĐTXD=dự án đầu tư xây dựng; DA=dự án; QLDA=quản lý dự án; RPH=rừng phòng hộ;
CCDVĐT=cung cấp dịch vụ đô thị; NSVSMT=nước sạch vệ sinh môi trường; ƯDCNTT=ứng dụng công nghệ thông tin; CĐS=chuyển đổi số;
LTQG=lưu trữ quốc gia; TTLT=thông tin lưu trữ; BTDTTĐ=bảo tồn di tích cố đô; VHNT=văn hóa nghệ thuật; TDTT=thể dục thể thao
""")
COMPANIES = pairs("""
CTCP=công ty cổ phần; CTTNHH=công ty trách nhiệm hữu hạn; TCT=tổng công ty; CTY=công ty; NM=nhà máy; XN=xí nghiệp; HTX=hợp tác xã;
CN=chi nhánh; VPĐD=văn phòng đại diện; CTTNHHMTV=công ty trách nhiệm hữu hạn một thành viên
""")
TRADES = pairs("""
XD=xây dựng; XDTM=xây dựng thương mại; TM=thương mại; TMDV=thương mại dịch vụ; SXTM=sản xuất thương mại; XNK=xuất nhập khẩu;
ĐTXD=đầu tư xây dựng; ĐTPT=đầu tư phát triển; DVTM=dịch vụ thương mại; DL=du lịch; VT=vận tải; DVVT=dịch vụ vận tải; CK=chứng khoán;
BH=bảo hiểm; BĐS=bất động sản; KDBĐS=kinh doanh bất động sản; CN=công nghệ; CNTT=công nghệ thông tin; VLXD=vật liệu xây dựng;
NN=nông nghiệp; DVNN=dịch vụ nông nghiệp; MT=môi trường; MTĐT=môi trường đô thị; CTN=cấp thoát nước; CN=cấp nước; ĐL=điện lực;
DP=dược phẩm; TBYT=thiết bị y tế; TP=thực phẩm; CBTP=chế biến thực phẩm; CBTS=chế biến thủy sản; MM=may mặc; TĐH=tự động hóa
""")
HOSPITALS = pairs("""
ĐK=đa khoa; ĐKT=đa khoa tỉnh; ĐKH=đa khoa huyện; ĐKKV=đa khoa khu vực; ĐKTW=đa khoa trung ương; ĐKTƯ=đa khoa trung ương; ĐKQT=đa khoa quốc tế; ĐKTN=đa khoa tư nhân;
TW=trung ương; TƯ=trung ương; T=tỉnh; H=huyện; CR=chợ rẫy; BM=bạch mai; VĐ=việt đức; NĐ=nhi đồng; NTW=nhi trung ương;
TD=từ dũ; HV=hùng vương; UB=ung bướu; YHCT=y học cổ truyền; PS=phụ sản; PSTW=phụ sản trung ương; SN=sản nhi; M=mắt; RHM=răng hàm mặt;
TMH=tai mũi họng; CTCH=chấn thương chỉnh hình; QY=quân y; QĐ=quân đội; ĐHYD=đại học y dược; ĐHY=đại học y; TT=tâm thần; DL=da liễu; NT=nội tiết;
PHCN=phục hồi chức năng; LP=lao phổi; NĐTW=nhiệt đới trung ương; BNĐ=bệnh nhiệt đới; HH=huyết học; HHTM=huyết học truyền máu; TM=tim mạch; PN=phổi
""")
SINGLE = pairs("""
BGĐ=ban giám đốc; BCTC=báo cáo tài chính; CSKH=chăm sóc khách hàng; TKC=tài khoản chính; ĐTĐ=đái tháo đường; ĐSQ=đại sứ quán; HVCH=học viên cao học;
LSQ=lãnh sự quán; TLSQ=tổng lãnh sự quán; TCKT=tài chính kế toán; TCHC=tổ chức hành chính; HCNS=hành chính nhân sự; HCQT=hành chính quản trị; KHKD=kế hoạch kinh doanh;
KQKD=kết quả kinh doanh; LNST=lợi nhuận sau thuế; LNTT=lợi nhuận trước thuế; DTT=doanh thu thuần; VĐL=vốn điều lệ; VCSH=vốn chủ sở hữu; TTS=tổng tài sản; TSCĐ=tài sản cố định;
TSNH=tài sản ngắn hạn; NVNH=nợ vay ngắn hạn; NVDH=nợ vay dài hạn; HTK=hàng tồn kho; CĐKT=cân đối kế toán; LCTT=lưu chuyển tiền tệ; GVHB=giá vốn hàng bán; BCKQKD=báo cáo kết quả kinh doanh;
BCTN=báo cáo thường niên; NĐT=nhà đầu tư; NĐTNN=nhà đầu tư nước ngoài; CTCK=công ty chứng khoán; SGDCK=sở giao dịch chứng khoán; TTCKVN=thị trường chứng khoán việt nam; TPDN=trái phiếu doanh nghiệp;
TPCP=trái phiếu chính phủ; CCQ=chứng chỉ quỹ; KLGD=khối lượng giao dịch; GTGD=giá trị giao dịch; GDCK=giao dịch chứng khoán; TTGDCK=trung tâm giao dịch chứng khoán; PHCN=phục hồi chức năng; KLCP=khối lượng cổ phiếu;
NHTW=ngân hàng trung ương; NHTƯ=ngân hàng trung ương; NHNNVN=ngân hàng nhà nước việt nam; NHTMNN=ngân hàng thương mại nhà nước; TGTK=tiền gửi tiết kiệm; LSCB=lãi suất cơ bản; TSĐB=tài sản đảm bảo; TSBĐ=tài sản bảo đảm; HĐTD=hợp đồng tín dụng; HMTD=hạn mức tín dụng;
DPRR=dự phòng rủi ro; NQH=nợ quá hạn; CIC=xê i xê; TCNS=tổ chức nhân sự; ĐCNH=định chế ngân hàng; PGD=phòng giao dịch; GDV=giao dịch viên; KSV=kiểm sát viên; KTV=kỹ thuật viên; KTT=kế toán trưởng; KTTH=kế toán tổng hợp;
TTNDN=thuế thu nhập doanh nghiệp; TTNCN=thuế thu nhập cá nhân; TGTGT=thuế giá trị gia tăng; HĐĐT=hóa đơn điện tử; NNT=người nộp thuế; QTT=quyết toán thuế; QTTNCN=quyết toán thu nhập cá nhân; NSĐP=ngân sách địa phương; NSTW=ngân sách trung ương; ĐTC=đầu tư công;
GDP=giê đê pê; GRDP=giê rờ đê pê; TTĐB=tiêu thụ đặc biệt; VĐT=vốn đầu tư; ĐTNN=đầu tư nước ngoài; ĐTTTNN=đầu tư trực tiếp nước ngoài; TTLĐ=thị trường lao động; TNTN=tài nguyên thiên nhiên; TLBQ=tiền lương bình quân; LTT=lương tối thiểu; HSL=hệ số lương; PCCV=phụ cấp chức vụ; PCTN=phụ cấp thâm niên;
TNLĐ=tai nạn lao động; BNN=bệnh nghề nghiệp; BHTNLĐ=bảo hiểm tai nạn lao động; BHTNDS=bảo hiểm trách nhiệm dân sự; TNDS=trách nhiệm dân sự; BHBB=bảo hiểm bắt buộc; BHTNNLĐ=bảo hiểm thất nghiệp người lao động; HĐTV=hội đồng thành viên; TƯLĐTT=thỏa ước lao động tập thể; NQLĐ=nội quy lao động;
BLTTDS=bộ luật tố tụng dân sự; LĐĐ=luật đất đai; LDN=luật doanh nghiệp; LHNGĐ=luật hôn nhân gia đình; HNGĐ=hôn nhân gia đình; VAHS=vụ án hình sự; VADS=vụ án dân sự; TTHS=tố tụng hình sự; TTDS=tố tụng dân sự; THAHS=thi hành án hình sự; KSĐT=kiểm sát điều tra; ĐTV=điều tra viên; CHV=chấp hành viên; TPTA=thẩm phán tòa án;
HTND=hội thẩm nhân dân; CQTHA=cơ quan thi hành án; CQANĐT=cơ quan an ninh điều tra; CQCA=cơ quan công an; CAH=công an huyện; CAQ=công an quận; CAP=công an phường; CAX=công an xã; CAT=công an tỉnh; CATP=công an thành phố; TCA=tòa án; ANM=an ninh mạng; ANKT=an ninh kinh tế; ANCT=an ninh chính trị; PCTP=phòng chống tội phạm; PCMT=phòng chống ma túy;
PCTN=phòng chống tham nhũng; PCTNTC=phòng chống tham nhũng tiêu cực; TNXH=tệ nạn xã hội; TTXH=trật tự xã hội; TTĐT=trật tự đô thị; TTGT=thanh tra giao thông; TTXD=trật tự xây dựng; QLHC=quản lý hành chính; QLXNC=quản lý xuất nhập cảnh; XNC=xuất nhập cảnh; CSTT=cảnh sát trật tự; CSPCCC=cảnh sát phòng cháy chữa cháy; PCCCCNCH=phòng cháy chữa cháy cứu nạn cứu hộ; CSKV=cảnh sát khu vực; CSMT=cảnh sát môi trường; CSBV=cảnh sát bảo vệ;
LLVTND=lực lượng vũ trang nhân dân; BQP=bộ quốc phòng; BTTM=bộ tổng tham mưu; TCCT=tổng cục chính trị; TCHC=tổng cục hậu cần; QCHQ=quân chủng hải quân; QCPKKQ=quân chủng phòng không không quân; PKKQ=phòng không không quân; BĐ=bộ đội; DQTV=dân quân tự vệ; NVQS=nghĩa vụ quân sự; KVPT=khu vực phòng thủ; CSB=cảnh sát biển; HQND=hải quân nhân dân; TTLTT=thông tin liên lạc; KTQP=kinh tế quốc phòng; CBCS=cán bộ chiến sĩ; QNCN=quân nhân chuyên nghiệp; CCB=cựu chiến binh; TBLS=thương binh liệt sĩ; BMVNAH=bà mẹ việt nam anh hùng; NCC=người có công;
ĐCS=đảng cộng sản; BCHTƯ=ban chấp hành trung ương; UVTƯ=ủy viên trung ương; UVBTV=ủy viên ban thường vụ; BTTU=ban thường vụ tỉnh ủy; BTT=ban thường trực; HĐLL=hội đồng lý luận; XDĐ=xây dựng đảng; KTGS=kiểm tra giám sát; CTĐ=chữ thập đỏ; TSVM=trong sạch vững mạnh; HTTNV=hoàn thành tốt nhiệm vụ; HTXSNV=hoàn thành xuất sắc nhiệm vụ; CSTĐ=chiến sĩ thi đua; LĐTT=lao động tiên tiến; TĐKT=thi đua khen thưởng; HCLĐ=huân chương lao động; HCĐL=huân chương độc lập; HCKC=huân chương kháng chiến; AHLLVTND=anh hùng lực lượng vũ trang nhân dân; NVH=nhà văn hóa; KDCVH=khu dân cư văn hóa; TDP=tổ dân phố; KDT=khu đô thị; BDP=ban dân phố; MTQG=mục tiêu quốc gia; XĐGN=xóa đói giảm nghèo; GNBV=giảm nghèo bền vững; DTTS=dân tộc thiểu số; DTTSMN=dân tộc thiểu số miền núi; VHDT=văn hóa dân tộc; ĐKTX=đăng ký thường xuyên;
ĐKKH=đăng ký kết hôn; HKTT=hộ khẩu thường trú; KT3=ca tê ba; LLTP=lý lịch tư pháp; GKS=giấy khai sinh; CMQSDĐ=chứng minh quyền sử dụng đất; SHR=sổ hồng riêng; SĐCC=sổ đỏ chính chủ; GCNQSD=giấy chứng nhận quyền sử dụng; GCNQSH=giấy chứng nhận quyền sở hữu; QSH=quyền sở hữu; QSD=quyền sử dụng; QHSDĐ=quy hoạch sử dụng đất; KHSDĐ=kế hoạch sử dụng đất; MĐSDĐ=mục đích sử dụng đất; GPMB=giải phóng mặt bằng; BTHT=bồi thường hỗ trợ; TĐC=tái định cư; KTĐC=khu tái định cư; CĐT=chủ đầu tư; CHCC=căn hộ chung cư; NƠXH=nhà ở xã hội; NOXH=nhà ở xã hội; BTLK=biệt thự liền kề; HĐMB=hợp đồng mua bán; HĐTC=hợp đồng thuê căn hộ; HĐĐC=hợp đồng đặt cọc; SĐCT=sổ đỏ chính chủ; CCMN=chung cư mi ni; TTTM=trung tâm thương mại; MTG=mặt tiền giáp; HXH=hẻm xe hơi; MTKD=mặt tiền kinh doanh; XDTD=xây dựng tự do; DTSD=diện tích sử dụng; DTXD=diện tích xây dựng; DTCN=diện tích công nhận;
TTGDNN=trung tâm giáo dục nghề nghiệp; TTGDNNGDTX=trung tâm giáo dục nghề nghiệp giáo dục thường xuyên; THPTQG=trung học phổ thông quốc gia; TNTHPT=tốt nghiệp trung học phổ thông; THPTC=trung học phổ thông chuyên; PTTH=phổ thông trung học; PTDTNT=phổ thông dân tộc nội trú; PTDTBT=phổ thông dân tộc bán trú; PTCS=phổ thông cơ sở; PTLC=phổ thông liên cấp; TSĐH=tuyển sinh đại học; ĐHCĐ=đại hội cổ đông; SĐH=sau đại học; ĐHCQ=đại học chính quy; VLVH=vừa làm vừa học; ĐTTX=đào tạo từ xa; LTĐH=liên thông đại học; CTĐT=chương trình đào tạo; CTGDPT=chương trình giáo dục phổ thông; CTHSSV=công tác học sinh sinh viên; PĐT=phòng đào tạo; ĐTB=điểm trung bình; ĐTBC=điểm trung bình chung; GPA=giê pê a; ĐTBTL=điểm trung bình tích lũy; STC=số tín chỉ; HPTC=học phí tín chỉ; KLTN=khóa luận tốt nghiệp; ĐATN=đồ án tốt nghiệp; LVTN=luận văn tốt nghiệp; LVThS=luận văn thạc sĩ; LATS=luận án tiến sĩ; BCTT=báo cáo thực tập; TTTN=thực tập tốt nghiệp; GVHD=giáo viên hướng dẫn; GVBM=giáo viên bộ môn; GVMN=giáo viên mầm non; GVTH=giáo viên tiểu học; CBQL=cán bộ quản lý; CBVC=cán bộ viên chức; CBNV=cán bộ nhân viên; CNV=công nhân viên; CCVC=công chức viên chức; BĐD=ban đại diện; CMHS=cha mẹ học sinh; BĐDCMHS=ban đại diện cha mẹ học sinh; KTĐG=kiểm tra đánh giá; KTĐK=kiểm tra định kỳ; SKKN=sáng kiến kinh nghiệm; TNKQ=trắc nghiệm khách quan; TNTL=trắc nghiệm tự luận; SBT=sách bài tập; SGV=sách giáo viên; VBT=vở bài tập; ĐDDH=đồ dùng dạy học; PPDH=phương pháp dạy học; HĐTN=hoạt động trải nghiệm; HĐNGLL=hoạt động ngoài giờ lên lớp; GDQPAN=giáo dục quốc phòng an ninh; GDTC=giáo dục thể chất; GDKTPL=giáo dục kinh tế pháp luật; GDĐP=giáo dục địa phương; KHTC=kế hoạch tài chính; ĐGTD=đánh giá tư duy; ƯTXT=ưu tiên xét tuyển; UTXT=ưu tiên xét tuyển; XTTN=xét tốt nghiệp; PTTH=phổ thông trung học; TBTL=trung bình tích lũy; QTDA=quản trị dự án; QTNL=quản trị nhân lực; QTNNL=quản trị nguồn nhân lực; QTNH=quản trị nhà hàng; QTKS=quản trị khách sạn; TCNH=tài chính ngân hàng; KTKT=kế toán kiểm toán; KDQT=kinh doanh quốc tế; KTQT=kinh tế quốc tế; QHQT=quan hệ quốc tế; QHCC=quan hệ công chúng; TTĐPT=truyền thông đa phương tiện; TKĐH=thiết kế đồ họa; KTĐT=kỹ thuật điện tử; KTCK=kỹ thuật cơ khí; CNKT=công nghệ kỹ thuật; CNSH=công nghệ sinh học; CNTP=công nghệ thực phẩm; KHMT=khoa học máy tính; HTTT=hệ thống thông tin; HTTTQL=hệ thống thông tin quản lý; KHDL=khoa học dữ liệu; MMT=mạng máy tính; ATTT=an toàn thông tin; CSDL=cơ sở dữ liệu; HĐH=hệ điều hành; CTDL=cấu trúc dữ liệu; CTDLGT=cấu trúc dữ liệu giải thuật; LTHĐT=lập trình hướng đối tượng; OOP=o o pê; TTHCM=tư tưởng hồ chí minh; LSĐ=lịch sử đảng; KTCT=kinh tế chính trị; CNXHKH=chủ nghĩa xã hội khoa học; PLĐC=pháp luật đại cương; XSTK=xác suất thống kê; ĐSTT=đại số tuyến tính; GT1=giải tích một; VLĐC=vật lý đại cương; HĐC=hóa đại cương; TACN=tiếng anh chuyên ngành; ĐRL=điểm rèn luyện; CTXH=công tác xã hội; MHX=mùa hè xanh; ĐTN=đoàn thanh niên; HSV=hội sinh viên;
NMCT=nhồi máu cơ tim; TBMMN=tai biến mạch máu não; TBMN=tai biến mạch não; XHTH=xuất huyết tiêu hóa; VPQ=viêm phế quản; VGB=viêm gan bê; VGC=viêm gan xê; VRT=viêm ruột thừa; SXH=sốt xuất huyết; TCM=tay chân miệng; VDD=viêm dạ dày; VLDD=viêm loét dạ dày; TNDDTQ=trào ngược dạ dày thực quản; GNM=gan nhiễm mỡ; STM=suy thận mạn; CTNT=chạy thận nhân tạo; NKH=nhiễm khuẩn huyết; NKTN=nhiễm khuẩn tiết niệu; NKBV=nhiễm khuẩn bệnh viện; KSNK=kiểm soát nhiễm khuẩn; HSCC=hồi sức cấp cứu; HSTC=hồi sức tích cực; GMHS=gây mê hồi sức; CĐHA=chẩn đoán hình ảnh; XN=xét nghiệm; XNCLS=xét nghiệm cận lâm sàng; CLS=cận lâm sàng; LS=lâm sàng; ĐTNĐ=điện tâm đồ; SAÔB=siêu âm ổ bụng; SÂ=siêu âm; HAT=huyết áp tối thiểu; HATT=huyết áp tâm thu; HATTr=huyết áp tâm trương; NTS=nhịp tim; TSBT=tiền sử bản thân; TSGĐ=tiền sử gia đình; CSYT=cơ sở y tế; NVYT=nhân viên y tế; CBYT=cán bộ y tế; ĐDV=điều dưỡng viên; BSĐK=bác sĩ đa khoa; BSNT=bác sĩ nội trú; BSCC=bác sĩ cao cấp; BSGĐ=bác sĩ gia đình; DSĐH=dược sĩ đại học; NHS=nữ hộ sinh; YHCT=y học cổ truyền; YHDP=y học dự phòng; YTCC=y tế công cộng; YTDP=y tế dự phòng; TYT=trạm y tế; TTTB=thiết bị; TTBYT=trang thiết bị y tế; VTYT=vật tư y tế; TBYT=thiết bị y tế; KCBBHYT=khám chữa bệnh bảo hiểm y tế; DVYT=dịch vụ y tế; TCMR=tiêm chủng mở rộng; SDD=suy dinh dưỡng; SKSS=sức khỏe sinh sản; KHHGĐ=kế hoạch hóa gia đình; DSKHHGĐ=dân số kế hoạch hóa gia đình; HIV=hát i vê; PNCTH=phụ nữ có thai; TSG=tiền sản giật; ĐTĐTK=đái tháo đường thai kỳ; NST=nhiễm sắc thể; TTON=thụ tinh ống nghiệm; BPTT=biện pháp tránh thai; ĐTQG=đội tuyển quốc gia;
ĐTQGVN=đội tuyển quốc gia việt nam; ĐKVĐ=đương kim vô địch; HLTT=huấn luyện thể thao; TTV=trợ lý trọng tài; CĐVVN=cổ động viên việt nam; HCVSEAG=huy chương vàng xi ghêm; VCK=vòng chung kết; VĐQGVN=vô địch quốc gia việt nam; HNQG=hạng nhất quốc gia; VBNB=vòng bảng; TĐKN=tứ kết;
HHK=hãng hàng không; CHK=cảng hàng không; CHKQT=cảng hàng không quốc tế; SBQT=sân bay quốc tế; ĐSCT=đường sắt cao tốc; ĐSĐT=đường sắt đô thị; ĐSVN=đường sắt việt nam; CTGT=công trình giao thông; ATHK=an toàn hàng không; ATHH=an toàn hàng hải; PTGT=phương tiện giao thông; PTGTCC=phương tiện giao thông công cộng; VTHK=vận tải hành khách; VTHKCC=vận tải hành khách công cộng; XKCN=xe khách chất; GPLXQT=giấy phép lái xe quốc tế; ĐKX=đăng ký xe; BKS=biển kiểm soát; TNGTĐB=tai nạn giao thông đường bộ; TNGTĐS=tai nạn giao thông đường sắt; BOT=bê o tê; GTĐB=giao thông đường bộ; TTKSTXGT=trạm kiểm soát; CTTP=cao tốc; ĐCT=đường cao tốc; VĐ1=vành đai một; VĐ2=vành đai hai; VĐ3=vành đai ba; VĐ4=vành đai bốn; TTĐK=trung tâm đăng kiểm;
BVTV=bảo vệ thực vật; TBVTV=thuốc bảo vệ thực vật; ATSH=an toàn sinh học; DTLCP=dịch tả lợn châu phi; LMLM=lở mồm long móng; CGC=cúm gia cầm; NTTS=nuôi trồng thủy sản; KTTS=khai thác thủy sản; HTXNN=hợp tác xã nông nghiệp; OCOP=o cóp; NNCNC=nông nghiệp công nghệ cao; NNHC=nông nghiệp hữu cơ; XDNTM=xây dựng nông thôn mới; QLBVR=quản lý bảo vệ rừng; PCCCR=phòng cháy chữa cháy rừng; VQG=vườn quốc gia; KBT=khu bảo tồn; KBTTN=khu bảo tồn thiên nhiên; BTTN=bảo tồn thiên nhiên; ĐDSH=đa dạng sinh học; BĐKH=biến đổi khí hậu; ÔNMT=ô nhiễm môi trường; BVMT=bảo vệ môi trường; ĐTM=đánh giá tác động môi trường; CTR=chất thải rắn; CTRSH=chất thải rắn sinh hoạt; CTNH=chất thải nguy hại; XLNT=xử lý nước thải; NMXLNT=nhà máy xử lý nước thải; TXLNT=trạm xử lý nước thải; NLTT=năng lượng tái tạo; ĐMT=điện mặt trời; ĐMTMN=điện mặt trời mái nhà; ĐG=điện gió; TBA=trạm biến áp; ĐZ=đường dây; HTĐ=hệ thống điện; NMTĐ=nhà máy thủy điện; NMĐMT=nhà máy điện mặt trời; LĐHA=lưới điện hạ áp; CTĐL=công ty điện lực; ATVSLĐ=an toàn vệ sinh lao động; BHLĐ=bảo hộ lao động;
TBCD=thư bảo lãnh; HSMT=hồ sơ mời thầu; HSDT=hồ sơ dự thầu; HSYC=hồ sơ yêu cầu; HSĐX=hồ sơ đề xuất; KQLCNT=kết quả lựa chọn nhà thầu; LCNT=lựa chọn nhà thầu; KHLCNT=kế hoạch lựa chọn nhà thầu; BMT=bên mời thầu; BCNCKT=báo cáo nghiên cứu khả thi; NCKT=nghiên cứu khả thi; NCTKT=nghiên cứu tiền khả thi; TKCS=thiết kế cơ sở; TKKT=thiết kế kỹ thuật; BVTC=bản vẽ thi công; TKBVTC=thiết kế bản vẽ thi công; TMĐT=thương mại điện tử; TMĐTXD=tổng mức đầu tư; TVGS=tư vấn giám sát; TVTK=tư vấn thiết kế; ATGTĐB=an toàn giao thông đường bộ; BTCT=bê tông cốt thép; BTN=bê tông nhựa; BTXM=bê tông xi măng; KCS=ca xê ét; QLCL=quản lý chất lượng; KTCLCT=kiểm tra chất lượng công trình; QCXDVN=quy chuẩn xây dựng việt nam; TCXDVN=tiêu chuẩn xây dựng việt nam; TCXD=tiêu chuẩn xây dựng; TCCS=tiêu chuẩn cơ sở; QCKT=quy chuẩn kỹ thuật; ĐLCL=đo lường chất lượng;
TBTT=thông báo; ĐTVT=điện tử viễn thông; BCVT=bưu chính viễn thông; VTTH=viễn thông tin học; TTDĐ=thông tin di động; TBTT=thuê bao trả trước; TBTS=thuê bao trả sau; TKKM=tài khoản khuyến mãi; CKC=chữ ký cá; CKS=chữ ký số; CTS=chứng thư số; CPĐT=chính phủ điện tử; CQĐT=chính quyền điện tử; CSDLQG=cơ sở dữ liệu quốc gia; CSDLQGVDC=cơ sở dữ liệu quốc gia về dân cư; ĐDĐT=định danh điện tử; DVCQG=dịch vụ công quốc gia; TTĐH=trung tâm điều hành; HTTĐ=hệ thống thông tin địa; ANTT=an ninh trật tự; MXH=mạng xã hội; TTĐT=thông tin điện tử; BĐT=báo điện tử; PTTH=phát thanh truyền hình; PT-TH=phát thanh truyền hình; ĐPTTH=đài phát thanh truyền hình; ĐTHVN=đài truyền hình việt nam; ĐTNVN=đài tiếng nói việt nam; THVN=truyền hình việt nam; TNVN=tiếng nói việt nam; BTV=biên tập viên; TTK=tổng thư ký; TTKTS=tổng thư ký tòa soạn; TBT=tổng biên tập; PTBT=phó tổng biên tập; CTVBC=cộng tác viên; NBVN=nhà báo việt nam; HNBVN=hội nhà báo việt nam; HNVVN=hội nhà văn việt nam; GPBC=giấy phép báo chí; GPXB=giấy phép xuất bản;
GHPGVN=giáo hội phật giáo việt nam; PGVN=phật giáo việt nam; HĐTS=hội đồng trị sự; HĐCM=hội đồng chứng minh; TGM=tổng giám mục; HĐGMVN=hội đồng giám mục việt nam; TGP=tổng giáo phận; TTL=tin lành; PGHH=phật giáo hòa hảo; NSND=nghệ sĩ nhân dân; NSƯT=nghệ sĩ ưu tú; NNƯT=nghệ nhân ưu tú; NNND=nghệ nhân nhân dân; TTND=thầy thuốc nhân dân; TTƯT=thầy thuốc ưu tú; DSVH=di sản văn hóa; DSVHPVT=di sản văn hóa phi vật thể; DTLS=di tích lịch sử; DTLSVH=di tích lịch sử văn hóa; DTQG=di tích quốc gia; BTLSQG=bảo tàng lịch sử quốc gia; VHDG=văn hóa dân gian; LHP=liên hoan phim; LHPVN=liên hoan phim việt nam; HHHV=hoa hậu hoàn vũ; HHTG=hoa hậu thế giới; HHHBQT=hoa hậu hòa bình quốc tế; NTK=nhà thiết kế; TGĐĐH=tổng giám đốc điều hành; GĐĐH=giám đốc điều hành; GĐKD=giám đốc kinh doanh; GĐTC=giám đốc tài chính; GĐKT=giám đốc kỹ thuật; GĐNS=giám đốc nhân sự; GĐCN=giám đốc chi nhánh; PGĐCN=phó giám đốc chi nhánh; TPKD=trưởng phòng kinh doanh; TPNS=trưởng phòng nhân sự; NVKD=nhân viên kinh doanh; NVVP=nhân viên văn phòng; NVBH=nhân viên bán hàng; NVBV=nhân viên bảo vệ; NVKT=nhân viên kỹ thuật; NVTV=nhân viên tư vấn; TLGĐ=trợ lý giám đốc; TK-TL=thư ký trợ lý; HDV=hướng dẫn viên; HDVDL=hướng dẫn viên du lịch; TNV=tình nguyện viên; TVV=tư vấn viên; CVTV=chuyên viên tư vấn; CVC=chuyên viên chính; CVCC=chuyên viên cao cấp; KDV=kiểm định viên; QLDN=quản lý doanh nghiệp; QTDN=quản trị doanh nghiệp; HKD=hộ kinh doanh; HKDCT=hộ kinh doanh cá thể; ĐKDN=đăng ký doanh nghiệp; GCNĐKDN=giấy chứng nhận đăng ký doanh nghiệp; GCNĐKKD=giấy chứng nhận đăng ký kinh doanh; GPĐKKD=giấy phép đăng ký kinh doanh; NĐDPL=người đại diện pháp luật; ĐDPL=đại diện pháp luật; DNNVV=doanh nghiệp nhỏ và vừa; DNVVN=doanh nghiệp vừa và nhỏ; DNXH=doanh nghiệp xã hội; DNFDI=doanh nghiệp ép đê i; DNVN=doanh nghiệp việt nam; HHDN=hiệp hội doanh nghiệp; LMHTX=liên minh hợp tác xã; KTTT=kinh tế tập thể; KTTN=kinh tế tư nhân; KTNN=kinh tế nhà nước; KTTTĐ=kinh tế trọng điểm; VKTTĐ=vùng kinh tế trọng điểm; KKTM=khu kinh tế mở; KKTCK=khu kinh tế cửa khẩu; CKQT=cửa khẩu quốc tế; CCN=cụm công nghiệp; CCHCNN=cải cách hành chính nhà nước; TTPVHCC=trung tâm phục vụ hành chính công; BPMC=bộ phận một cửa; CVP=chánh văn phòng; QCDC=quy chế dân chủ; CBCT=cán bộ công tác; BHYTTN=bảo hiểm y tế tự nguyện; TCXH=trợ cấp xã hội; TGXH=trợ giúp xã hội; NCT=người cao tuổi; HNCT=hội người cao tuổi; NKT=người khuyết tật; TEMC=trẻ em mồ côi; BVTE=bảo vệ trẻ em; BĐG=bình đẳng giới; BLGĐ=bạo lực gia đình; PCBLGĐ=phòng chống bạo lực gia đình; TNCS=thanh niên cộng sản; ĐTNCS=đoàn thanh niên cộng sản; TNTPHCM=thiếu niên tiền phong hồ chí minh; ĐTNCSHCM=đoàn thanh niên cộng sản hồ chí minh; HLHTN=hội liên hiệp thanh niên; HLHTNVN=hội liên hiệp thanh niên việt nam; HSVVN=hội sinh viên việt nam; HLHPNVN=hội liên hiệp phụ nữ việt nam; HNDVN=hội nông dân việt nam; TLĐLĐVN=tổng liên đoàn lao động việt nam; MTTQVN=mặt trận tổ quốc việt nam; CHDCNDTT=cộng hòa dân chủ nhân dân triều tiên; CHND=cộng hòa nhân dân; CHNDTH=cộng hòa nhân dân trung hoa; VNCH=việt nam cộng hòa; VNDCCH=việt nam dân chủ cộng hòa; MTDTGPMNVN=mặt trận dân tộc giải phóng miền nam việt nam; CTTG=chiến tranh thế giới; CTTG1=chiến tranh thế giới thứ nhất; CTTG2=chiến tranh thế giới thứ hai; CNĐQ=chủ nghĩa đế quốc; CNTD=chủ nghĩa thực dân; CNPX=chủ nghĩa phát xít; CNMLN=chủ nghĩa mác lê nin; GCVS=giai cấp vô sản; GCCN=giai cấp công nhân; GCTS=giai cấp tư sản; CMVN=cách mạng việt nam; CMT10=cách mạng tháng mười; KCCP=kháng chiến chống pháp; KCCM=kháng chiến chống mỹ; TKN=tổng khởi nghĩa; LLSX=lực lượng sản xuất; QHSX=quan hệ sản xuất; PTSX=phương thức sản xuất; TLSX=tư liệu sản xuất; KTHH=kinh tế hàng hóa; KTTTĐHXHCN=kinh tế thị trường định hướng xã hội chủ nghĩa; TDMNBB=trung du miền núi bắc bộ; DHNTB=duyên hải nam trung bộ; BTB=bắc trung bộ; ĐNB=đông nam bộ; TNB=tây nam bộ; ĐBBB=đồng bằng bắc bộ; TBTBD=thái bình dương; BĐD=bán đảo; ĐNÁ=đông nam á; CATBD=châu á thái bình dương;
ĐKXĐ=điều kiện xác định; ĐPCM=điều phải chứng minh; BĐT=bất đẳng thức; PTBH=phương trình bậc hai; HPT=hệ phương trình; BPT=bất phương trình; HSBN=hàm số bậc nhất; GTLN=giá trị lớn nhất; GTNN=giá trị nhỏ nhất; UCLN=ước chung lớn nhất; ƯCLN=ước chung lớn nhất; BCNN=bội chung nhỏ nhất; ƯC=ước chung; VTCP=véc tơ chỉ phương; VTPT=véc tơ pháp tuyến; TXĐ=tập xác định; TGT=tập giá trị; BBT=bảng biến thiên; ĐTHS=đồ thị hàm số; TCĐ=tiệm cận đứng; CSC=cấp số cộng; CSN=cấp số nhân; HHKG=hình học không gian; HBH=hình bình hành; HCN=hình chữ nhật; HTC=hình thang cân; TGV=tam giác vuông; TGC=tam giác cân; ĐTB=đường trung bình; ĐLBT=định luật bảo toàn; BTKL=bảo toàn khối lượng; BTNT=bảo toàn nguyên tố; BTE=bảo toàn e lếch trôn; ĐLBTKL=định luật bảo toàn khối lượng; PTHH=phương trình hóa học; PTPƯ=phương trình phản ứng; PTPU=phương trình phản ứng; CTPT=công thức phân tử; CTCT=công thức cấu tạo; CTHH=công thức hóa học; CTĐGN=công thức đơn giản nhất; HTTH=hệ thống tuần hoàn; BTH=bảng tuần hoàn; ĐKTC=điều kiện tiêu chuẩn; ĐKC=điều kiện chuẩn; PTK=phân tử khối; SOXH=số o xi hóa; DĐĐH=dao động điều hòa; CLLX=con lắc lò xo; CLĐ=con lắc đơn; GTLNN=giá trị lớn nhất nhỏ nhất; ADN=a đê nờ; ARN=a rờ nờ; VTCB=vị trí cân bằng
""")


FOREIGN = frozenset(
    "CNN BBC CBS CPU GPU VTV HTV VTC CDC NBA TPP CTV VTS BTS TCL VTB CNC VDS PTT PTC PTV "
    "STV".split()
)
"""These letters nearly always stand for something else."""


def composed() -> dict[str, str]:
    """Return all compositions; entries that are listed by themselves take precedence."""
    found: dict[str, str] = {}
    tables = [
        (OFFICES, FIELDS),
        (TITLES, BOARDS),
        (SCHOOLS, SUBJECTS),
        (UNITS, WORKS),
        (COMPANIES, TRADES),
        (
            {
                "BV": "bệnh viện",
                "PK": "phòng khám",
                "GĐBV": "giám đốc bệnh viện",
                "TTYT": "trung tâm y tế",
            },
            HOSPITALS,
        ),
    ]
    for heads, bodies in tables:
        for head, said in heads.items():
            for body, rest in bodies.items():
                short = 5 if heads is UNITS else 3  # shorter ones are as often something foreign
                if len(head + body) >= short and head + body not in FOREIGN:
                    found[head + body] = f"{said} {rest}"
    for body, said in BODIES.items():
        found[body] = said
        for level, rest in LEVELS.items():
            found[body + level] = f"{said} {rest}"
    return (
        found
        | {
            f"{head}{body}": f"{a} {b}"
            for head, a in {"GĐ": "giám đốc", "PGĐ": "phó giám đốc", "TGĐ": "tổng giám đốc"}.items()
            for body, b in COMPANIES.items()
        }
        | SINGLE
    )


def main() -> None:
    """Write the table in sorted order."""
    found = composed()
    lines = [f"{form}\t{said}" for form, said in sorted(found.items())]
    head = (
        "# Composed by training/reading/abbreviations.py; abbreviations.yaml comes before these.\n"
    )
    TARGET.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    print(len(found), "abbreviations")


if __name__ == "__main__":
    main()
