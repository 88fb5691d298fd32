"""Tables of units, currencies and scales: their written forms and spoken names."""

from typing import Final

_PREFIXES: Final = {
    "p": "pi cô",
    "n": "na nô",
    "μ": "mi cờ rô",
    "m": "mi li",
    "c": "xăng ti",
    "d": "đề xi",
    "h": "héc tô",
    "k": "ki lô",
    "M": "mê ga",
    "G": "gi ga",
    "T": "tê ra",
    "P": "pê ta",
}
_PREFIXED: Final = {
    "m": ("mét", "nμmcdk"),
    "g": ("gam", "nμmk"),
    "L": ("lít", "μmcdh"),
    "l": ("lít", "μmcdh"),
    "s": ("giây", "nμm"),
    "W": ("oát", "μmkMGT"),
    "Wh": ("oát giờ", "mkMGT"),
    "V": ("vôn", "μmkM"),
    "VA": ("vôn am pe", "kM"),
    "A": ("am pe", "μmk"),
    "Ah": ("am pe giờ", "mk"),
    "Ω": ("ôm", "μmkM"),
    "Hz": ("héc", "mkMGT"),
    "N": ("niu tơn", "mkM"),
    "Nm": ("niu tơn mét", "mk"),
    "J": ("giun", "mkMG"),
    "Pa": ("pát can", "mhkMG"),
    "bar": ("ba", "m"),
    "F": ("pha ra", "pnμm"),
    "H": ("hen ri", "nμm"),
    "C": ("cu lông", "nμm"),
    "T": ("tét la", "μm"),
    "Wb": ("vê be", "m"),
    "mol": ("mon", "μmk"),
    "cal": ("ca lo", "k"),
    "Ci": ("cu ri", "m"),
    "Bq": ("béc cơ ren", "kM"),
    "Sv": ("xi vơ", "μm"),
    "Gy": ("gờ rây", "m"),
    "eV": ("ê lếch trôn vôn", "kMG"),
    "B": ("bai", "kMGTP"),
    "b": ("bít", "kMGT"),
    "bit": ("bít", "kMGT"),
    "bps": ("bít trên giây", "kMGT"),
    "px": ("pích xeo", "M"),
    "lx": ("lúc", "k"),
    "IU": ("đơn vị quốc tế", "mμ"),
}
_ALONE_TOO: Final = frozenset(
    "m g L l s W Wh V VA Ω Hz N Nm J Pa bar mol cal Ci Bq Sv Gy eV bit bps px lx IU Ah".split()
)
"""Prefixed units that are also used without a prefix.

A, F, H, C, T, B and b mean other things then.
"""


def _si() -> dict[str, str]:
    units = {}
    for unit, (said, prefixes) in _PREFIXED.items():
        if unit in _ALONE_TOO:
            units[unit] = said
        for prefix in prefixes:
            units[prefix + unit] = f"{_PREFIXES[prefix]} {said}"
            if prefix == "μ":
                units["u" + unit] = f"{_PREFIXES[prefix]} {said}"
    return units


LENGTHS: Final = {
    "km": "ki lô mét",
    "hm": "héc tô mét",
    "dam": "đề ca mét",
    "m": "mét",
    "dm": "đề xi mét",
    "cm": "xăng ti mét",
    "mm": "mi li mét",
    "μm": "mi cờ rô mét",
    "nm": "na nô mét",
}
PHYSICAL: Final = (
    _si()
    | LENGTHS
    | {
        "gr": "gam",
        "mcg": "mi cờ rô gam",
        "cc": "xê xê",
        "ha": "héc ta",
        "h": "giờ",
        "v": "vôn",
        "w": "oát",
        "min": "phút",
        "°C": "độ xê",
        "°c": "độ xê",
        "oC": "độ xê",
        "°F": "độ ép",
        "°f": "độ ép",
        "°K": "độ ca",
        "°k": "độ ca",
        "°": "độ",
        "KB": "ki lô bai",
        "Kb": "ki lô bai",
        "Kbps": "ki lô bít trên giây",
        "mbps": "mê ga bít trên giây",
        "gbps": "gi ga bít trên giây",
        "MBps": "mê ga bai trên giây",
        "KiB": "ki lô bai",
        "MiB": "mê ga bai",
        "GiB": "gi ga bai",
        "TiB": "tê ra bai",
        "Gb": "gi ga bai",
        "Gib": "gi ga bít",
        "Mb": "mê ga bai",
        "kb": "ki lô bai",
        "tw": "tê ra oát",
        "Tb": "tê ra bai",
        "Gb/s": "gi ga bít trên giây",
        "Mb/s": "mê ga bít trên giây",
        "gb": "gi ga bai",
        "mb": "mê ga bai",
        "tb": "tê ra bai",
        "dB": "đề xi ben",
        "dBm": "đề xi ben mờ",
        "dpi": "điểm trên in",
        "ppi": "điểm ảnh trên in",
        "MP": "mê ga pích xeo",
        "mp": "mê ga pích xeo",
        "Mp": "mê ga pích xeo",
        "PN": "phòng ngủ",
        "pn": "phòng ngủ",
        "WC": "vê kép xê",
        "MT": "mặt tiền",
        "VS": "vệ sinh",
        "dBi": "đề xi ben i",
        "G/L": "gi ga trên lít",
        "T/L": "tê ra trên lít",
        "mcf": "muỗng cà phê",
        "mc": "muỗng canh",
        "mcp": "muỗng cà phê",
        "tcf": "thìa cà phê",
        "inch": "in",
        "inches": "in",
        "inh": "in",
        "in": "in",
        '"': "in",
        "ft": "phít",
        "feet": "phít",
        "yd": "da",
        "lb": "pao",
        "lbs": "pao",
        "oz": "ao xơ",
        "gal": "ga lông",
        "psi": "pi ét ai",
        "Psi": "pi ét ai",
        "PSI": "pi ét ai",
        "kgf": "ki lô gam lực",
        "l/p": "lần trên phút",
        "g/p": "giọt trên phút",
        "g/ph": "giọt trên phút",
        "mph": "dặm trên giờ",
        "kmh": "ki lô mét trên giờ",
        "Km/h": "ki lô mét trên giờ",
        "knot": "hải lý trên giờ",
        "rpm": "vòng trên phút",
        "RPM": "vòng trên phút",
        "bpm": "nhịp trên phút",
        "fps": "khung hình trên giây",
        "FPS": "khung hình trên giây",
        "ppm": "phần triệu",
        "ppb": "phần tỷ",
        "mmHg": "mi li mét thủy ngân",
        "cmH2O": "xăng ti mét nước",
        "U/L": "u trên lít",
        "U/l": "u trên lít",
        "UI/L": "đơn vị quốc tế trên lít",
        "UI/l": "đơn vị quốc tế trên lít",
        "UI/ml": "đơn vị quốc tế trên mi li lít",
        "UI/kg": "đơn vị quốc tế trên ki lô gam",
        "U/kg": "đơn vị trên ki lô gam",
        "mUI/L": "mi li đơn vị quốc tế trên lít",
        "mIU/mL": "mi li đơn vị quốc tế trên mi li lít",
        "pg/mL": "pi cô gam trên mi li lít",
        "pg/ml": "pi cô gam trên mi li lít",
        "K/uL": "nghìn trên mi cờ rô lít",
        "K/µL": "nghìn trên mi cờ rô lít",
        "K/μL": "nghìn trên mi cờ rô lít",
        "M/uL": "triệu trên mi cờ rô lít",
        "M/µL": "triệu trên mi cờ rô lít",
        "M/μL": "triệu trên mi cờ rô lít",
        "pg": "pi cô gam",
        "fL": "phem tô lít",
        "atm": "át mốt phe",
        "mAs": "mi li am pe giây",
        "mEq": "mi li đương lượng",
        "mOsm": "mi li ốt môn",
        "UI": "đơn vị quốc tế",
        "Kcal": "ki lô ca lo",
        "KCal": "ki lô ca lo",
        "Cal": "ca lo",
        "calo": "ca lo",
        "ctn": "thùng",
        "pcs": "cái",
        "HP": "mã lực",
        "hp": "mã lực",
        "BHP": "mã lực",
        "kwp": "ki lô oát pích",
        "kWp": "ki lô oát pích",
        "MWp": "mê ga oát pích",
        "BTU": "bi ti diu",
        "Btu": "bi ti diu",
        "lm": "lu men",
        "nit": "nít",
        "nits": "nít",
        "tsp": "thìa cà phê",
        "tbsp": "thìa canh",
        "cup": "cúp",
        "cups": "cúp",
        "ct": "ca ra",
        "carat": "ca ra",
        "karat": "ca ra",
        "au": "đơn vị thiên văn",
        "AU": "đơn vị thiên văn",
        "rad": "ra đi an",
        "tấn": "tấn",
        "lít": "lít",
        "tạ": "tạ",
        "yến": "yến",
    }
)
MONEY: Final = {
    "đồng": "đồng",
    "đ": "đồng",
    "₫": "đồng",
    "VNĐ": "đồng",
    "VND": "đồng",
    "Vnđ": "đồng",
    "Vnd": "đồng",
    "vnđ": "đồng",
    "vnd": "đồng",
    "USD": "đô la Mỹ",
    "usd": "đô la Mỹ",
    "US$": "đô la Mỹ",
    "$": "đô la",
    "cent": "xen",
    "cents": "xen",
    "EUR": "ơ rô",
    "€": "ơ rô",
    "GBP": "bảng Anh",
    "£": "bảng Anh",
    "JPY": "yên Nhật",
    "¥": "yên",
    "CNY": "nhân dân tệ",
    "NDT": "nhân dân tệ",
    "RMB": "nhân dân tệ",
    "KRW": "uôn",
    "won": "uôn",
    "₩": "uôn",
    "THB": "bạt Thái",
    "฿": "bạt",
    "SGD": "đô la Xinh ga po",
    "AUD": "đô la Úc",
    "CAD": "đô la Ca na đa",
    "NZD": "đô la Niu Di lân",
    "HKD": "đô la Hồng Công",
    "TWD": "đô la Đài Loan",
    "CHF": "phờ răng Thụy Sĩ",
    "INR": "ru pi",
    "₹": "ru pi",
    "RUB": "rúp",
    "₽": "rúp",
    "MYR": "rinh gít",
    "RM": "rinh gít",
    "IDR": "ru pi a",
    "PHP": "pê sô",
    "₱": "pê sô",
    "LAK": "kíp Lào",
    "KHR": "ri en",
    "BTC": "bít coi",
    "₿": "bít coi",
    "ETH": "ê thơ ri um",
    "USDT": "u ét đê tê",
    "SJC": "ét gi xê",
    "%": "phần trăm",
    "‰": "phần nghìn",
}
SHORT: Final = {
    "k": "nghìn",
    "K": "nghìn",
    "tr": "triệu",
    "Tr": "triệu",
    "TR": "triệu",
    "trđ": "triệu đồng",
    "tỷđ": "tỷ đồng",
    "M": "triệu",
    "B": "tỷ",
}
PER: Final = {
    "ng": "người",
    "th": "tháng",
    "p": "phút",
    "ph": "phút",
    "min": "phút",
    "hour": "giờ",
    "day": "ngày",
    "d": "ngày",
    "month": "tháng",
    "year": "năm",
    "sp": "sản phẩm",
    "cp": "cổ phiếu",
    "CP": "cổ phiếu",
    "MT": "tấn",
    "v": "vé",
    "c": "cái",
    "b": "buổi",
    "cái": "cái",
    "HS": "học sinh",
    "SV": "sinh viên",
    "GV": "giáo viên",
    "pax": "khách",
    "gd": "giao dịch",
}
_WRITTEN_OTHERWISE: Final = (
    "km kg cm mm dm ml ha kw kwh mw mwh mhz ghz khz hz kcal mg mah kv kva lít nm wh kpa mpa"
).split(" ")


_MEGA: Final = frozenset(["mhz", "mpa"])
"""Lower-case forms that mean mega, since millihertz and millipascal are never used."""


def _units() -> dict[str, str]:
    """Return all units, including variants in capitals (KM, Km, Kwh)."""
    exact = PHYSICAL | MONEY | SHORT
    lower = {name.lower(): said for name, said in reversed(PHYSICAL.items())}
    loose = {
        variant: (
            exact.get("M" + name[1:].replace("hz", "Hz").replace("pa", "Pa"), lower[name])
            if name[0] == "m" and name in _MEGA
            else lower[name]
        )
        for name in _WRITTEN_OTHERWISE
        for variant in (name, name.upper(), name.capitalize())
    }
    return loose | exact


UNITS: Final = _units()
POWERS: Final = {"²": "vuông", "2": "vuông", "³": "khối", "3": "khối"}
SCALES: Final = ("nghìn", "ngàn", "triệu", "tỷ", "tỉ", "tr", "trăm", "vạn", "rưỡi")
