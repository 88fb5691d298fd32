r"""Spoken names of mathematical signs and LaTeX commands."""

from typing import Final

GREEK: Final = {
    name: said
    for names, said in (
        ("alpha α", "an pha"),
        ("beta β", "bê ta"),
        ("gamma Gamma γ", "gam ma"),
        ("delta Delta δ Δ ∆", "đen ta"),
        ("epsilon varepsilon ε", "ép xi lon"),
        ("zeta ζ", "dê ta"),
        ("eta η", "ê ta"),
        ("theta Theta vartheta θ", "tê ta"),
        ("lambda Lambda λ", "lam đa"),
        ("mu μ", "muy"),
        ("nu ν", "nuy"),
        ("xi ξ", "xi"),
        ("pi Pi π", "pi"),
        ("rho ρ", "rô"),
        ("sigma Sigma σ", "xích ma"),
        ("tau τ", "tô"),
        ("varphi phi Phi φ", "phi"),
        ("chi χ", "khi"),
        ("psi Psi ψ", "pờ xi"),
        ("omega Omega ω", "ô mê ga"),
    )
    for token in names.split()
    for name in ((f"\\{token}",) if token.isascii() else (token,))
}
RELATIONS: Final = {
    "+": "cộng",
    "=": "bằng",
    "<": "nhỏ hơn",
    ">": "lớn hơn",
    ":": "chia",
    "/": "trên",
    "*": "nhân",
    "×": "nhân",
    "·": "nhân",
    "÷": "chia",
    "±": "cộng trừ",
    "≤": "nhỏ hơn hoặc bằng",
    "≥": "lớn hơn hoặc bằng",
    "≠": "khác",
    "≈": "xấp xỉ",
    "→": "tiến tới",
    "⇒": "suy ra",
    "⇔": "tương đương",
    "∈": "thuộc",
    "∪": "hợp",
    "∩": "giao",
} | {
    f"\\{name}": said
    for names, said in (
        ("times cdot ast", "nhân"),
        ("div", "chia"),
        ("pm", "cộng trừ"),
        ("mp", "trừ cộng"),
        ("le leq leqslant", "nhỏ hơn hoặc bằng"),
        ("ge geq geqslant", "lớn hơn hoặc bằng"),
        ("lt", "nhỏ hơn"),
        ("gt", "lớn hơn"),
        ("ne neq", "khác"),
        ("approx simeq", "xấp xỉ"),
        ("equiv", "đồng dư với"),
        ("sim", "đồng dạng với"),
        ("cong", "bằng"),
        ("Rightarrow implies Longrightarrow", "suy ra"),
        ("Leftrightarrow iff Longleftrightarrow", "tương đương"),
        ("to", "tiến tới"),
        ("rightarrow longrightarrow xrightarrow", "tạo thành"),
        ("rightleftharpoons leftrightarrow", "thuận nghịch"),
        ("in", "thuộc"),
        ("notin", "không thuộc"),
        ("subset subseteq", "là tập con của"),
        ("cup", "hợp"),
        ("cap", "giao"),
        ("setminus backslash", "trừ"),
        ("perp bot", "vuông góc với"),
        ("parallel", "song song với"),
        ("wedge land", "và"),
        ("vee lor", "hoặc"),
        ("mid", "sao cho"),
        ("vdots", "chia hết cho"),
    )
    for name in names.split()
}
SIGNS: Final = {
    "∞": "vô cực",
    "∅": "rỗng",
    "∀": "với mọi",
    "∃": "tồn tại",
    "°": "độ",
    "%": "phần trăm",
}
COMMANDS: Final = {
    "infty": "vô cực",
    "forall": "với mọi",
    "exists": "tồn tại",
    "emptyset": "rỗng",
    "varnothing": "rỗng",
    "angle": "góc",
    "triangle": "tam giác",
    "circ": "độ",
    "degree": "độ",
    "prime": "phẩy",
    "ldots": "ba chấm",
    "dots": "ba chấm",
    "cdots": "ba chấm",
    "uparrow": "",
    "downarrow": "kết tủa",
    "ell": "lờ",
    "hbar": "hát ngang",
    "partial": "đê",
    "nabla": "na bla",
    "%": "phần trăm",
    "$": "đô la",
    "{": "",
    "}": "",
    "Re": "phần thực của",
    "Im": "phần ảo của",
}
FUNCTIONS: Final = {
    f"\\{name}": said
    for name, said in {
        "sin": "sin",
        "cos": "cốt",
        "tan": "tang",
        "tg": "tang",
        "cot": "cô tang",
        "arcsin": "ác sin",
        "arccos": "ác cốt",
        "arctan": "ác tang",
        "log": "lốc",
        "lg": "lốc",
        "ln": "lốc nê pe",
        "exp": "ếch pô",
        "max": "mác",
        "min": "min",
        "det": "định thức",
    }.items()
}
BOUNDED: Final = {
    "int": "tích phân",
    "iint": "tích phân kép",
    "oint": "tích phân đường",
    "sum": "tổng",
    "prod": "tích",
    "lim": "lim",
}
ACCENTS: Final = {
    "vec": ("véc tơ", ""),
    "overrightarrow": ("véc tơ", ""),
    "overline": ("", "ngang"),
    "bar": ("", "ngang"),
    "hat": ("góc", ""),
    "widehat": ("góc", ""),
    "tilde": ("", "ngã"),
    "underline": ("", ""),
    "boxed": ("", ""),
    "cancel": ("", ""),
    "overset": ("", ""),
    "underset": ("", ""),
    "stackrel": ("", ""),
}
GROUPS: Final = {"(": ")", "[": "]", "\\{": "\\}"}
SUPERSCRIPTS: Final = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n", strict=True))
