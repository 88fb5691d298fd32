"""Chemistry: formulae and equations, read by the names of letters (FeSO4, 2H2 + O2 → 2H2O)."""

import re
from typing import Final

from vits_tts.text.letters import spelled
from vits_tts.text.normalizer import cues
from vits_tts.text.normalizer.rules import Rule, Step, after, before
from vits_tts.text.numbers import Numbers
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import is_syllable

ELEMENTS: Final = frozenset(
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br"
    " Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho"
    " Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es"
    " Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og".split()
)
_ATOM: Final = r"[A-Z][a-z]?\d{0,2}"
_SPECIES: Final = (
    rf"(?:\d{{1,2}}\s?(?=[A-Z(]))?(?:{_ATOM}|\((?:{_ATOM}){{1,6}}\)\d{{0,2}}){{1,12}}"
    r"(?:\^?\d?[+-](?=[\s,.;:)\]]|$)|[²³]?[⁺⁻])?"
)
_SIDE: Final = rf"(?:{_SPECIES}|\d?e)"
"""A species of an equation, or electrons (``2e``)."""
_OVER: Final = r"\(?(?:t[°ºo0]?|[tT]|xt|t[°o],\ ?xt|đpnc|đpdd|đp|[A-Z][a-z]?|H2SO4(?:\ ?đ)?)\)?"
"""Conditions that are written over or into an arrow: ``--t°-->``."""
_ARROW: Final = (
    rf"(?:-{{1,3}}\ ?{_OVER}\ ?-{{1,3}}>|=\ ?{_OVER}\ ?=>"
    rf"|(?:→|⟶|-{{1,3}}>|⇌|⇄|↔|=+>?)(?:\ ?\({_OVER}\))?)"
)
_SIGN: Final = lazily(rf"\s*({_ARROW}|\+(?=\s?(?:[A-Z\d(]|e(?!\w))))\s*")
_MARKS: Final = {"↑": "bay lên", "↓": "kết tủa"}
_CHEMICAL: Final = lazily(
    r"(?:kim loại|axit|acid|phản ứng|dung dịch|oxi hóa|ôxi|nguyên tố|nguyên tử|hóa trị|điện phân"
    r"|kết tủa|\bmol\b|\bion\b|bazơ|hợp chất|công thức|hóa học|\bkhí |cation|anion|quặng|hiđro"
    r"|nồng độ|cathode|anode|catot|anot|điện cực|xúc tác|enthalpy"
    r"|nguyên tử khối|tác dụng với|nóng chảy|cho \d+[\d,]* gam|chất rắn|\bdd\b)"
)
_GAS: Final = lazily(r"electron|\boxy|thể tích|đốt cháy|vận chuyển|hemoglobin|ngộ độc|oxit|khử")
_METALS: Final = frozenset(
    "Mo Ti Cd Co Fe Al Zn Ag Pb Hg Mg Cr Mn Br Cl Sn Ni Pt Si Cu Na Ca Ba Li K Au Sr".split()
)


class Chemistry:
    """Reads chemical formulae with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def steps(self) -> tuple[Step, ...]:
        """Return the steps: equations first, then formulae."""
        return (
            Rule(r"(?<!\w)(?:AA|Aa|aa)(?:BB|Bb|bb)(?:DD|Dd|dd)?(?:EE|Ee|ee)?(?!\w)", genotype),
            Rule(
                r"(?<!\w)(?:AA|Aa|aa|BB|Bb|bb|Dd)(?!\w)",
                lambda match: genotype(match) if cues.mentions(match, "biology") else None,
                needs="AaBbD",
            ),
            Rule(
                rf"(?<![\w.,@#-])(?:{_ATOM}){{1,6}}(?:[-=≡](?:{_ATOM}){{1,6}}){{1,8}}(?![\w-])",
                self.chain,
                needs="-=≡",
            ),
            Rule(
                rf"(?<![\w.,]){_SIDE}(?:\s?\+\s?{_SIDE}){{0,6}}(?:\s?\(t[°ºo0]\))?\s?{_ARROW}\s?"
                rf"(?:[t°ᵒo,pxtTuc0]{{1,3}}\s)?{_SIDE}[↑↓]?(?:\s?\+\s?{_SIDE}[↑↓]?){{0,6}}(?!\w)",
                self.equation,
                needs="→⟶>⇌⇄↔=",
            ),
            Rule(
                r"(?<!\w)(?P<metal>Fe|Cu|Cr|Mn|Pb|Sn|Hg)\((?P<valence>I{1,3}|IV|VI?)\)",
                lambda match: (
                    f"{spelled(match['metal'].upper())} "
                    + self._numbers.whole(str(_VALENCES[match["valence"]]))
                ),
                needs="(",
            ),
            Rule(r"\ ?\(t[°ºo0]\)", " nhiệt độ", needs="("),
            Rule(r"(?<=,)\ ?t[0oº°](?=\))", " nhiệt độ", needs=")"),
            Rule(
                r"(?i:(?<=sắt)|(?<=đồng)|(?<=crom)|(?<=mangan)|(?<=thiếc)|(?<=chì)|(?<=ngân))\ ?"
                r"\((?P<valence>I{1,3}|IV|V|VI|VII)\)",
                lambda match: f" {self._numbers.whole(str(_VALENCES[match['valence']]))}",
                needs="(",
            ),
            Rule(r"(?<=im\ loại\ )[XYZMR](?!\w)", lambda match: spelled(match[0]), needs="XYZMR"),
            Rule(
                rf"(?<![\w.,/@#])(?P<salt>{_SPECIES})[.·](?P<count>\d{{0,2}})H2O(?!\w)",
                self.hydrate,
                needs="H",
            ),
            Rule(
                rf"(?<![\w.,/@#])(?P<first>{_SPECIES})/(?P<last>{_SPECIES})(?![\w/@])",
                self.over,
                needs="/",
            ),
            Rule(r"(?<!\w)t°(?![\wC]|\ ?=)", "nhiệt độ", needs="°"),
            Rule(
                rf"(?<!\w)(?P<of>[nmVMC])(?P<species>(?:{_ATOM}|\((?:{_ATOM}){{1,6}}\)\d{{0,2}}){{2,12}})(?!\w)",
                self.amount,
            ),
            Rule(rf"(?<![\w.,/@#]){_SPECIES}(?![\w/@])(?!\.\w)", self.formula),
            Rule(r"\s?[↑↓]", lambda match: f" {_MARKS[match[0][-1]]}", needs="↑↓"),
        )

    def equation(self, match: re.Match[str]) -> str | None:
        """Read an equation. Its sides may be single elements."""
        pieces = _SIGN.split(re.sub(r"\s?\(t[°ºo0]\)", "", match[0]))
        species, signs = pieces[::2], pieces[1::2]
        if "+" not in signs and not set(signs) - {"="}:
            return None  # as in F2 = 4N
        matter = [one for one in species if not _ELECTRONS.fullmatch(one)]
        if not all(map(_plausible, matter)) or not any(
            _certain(one) or _COMPOUND.match(one) for one in matter
        ):
            return None
        words = [self._said(species[0])]
        for sign, one in zip(signs, species[1:], strict=True):
            words += ["cộng" if sign == "+" else "tạo thành", self._said(one)]
        return " ".join(words)

    def chain(self, match: re.Match[str]) -> str | None:
        """Read ``CH2=CH-CH3``, the groups of a molecule."""
        bond = _BOND.fullmatch(match[0]) and _BONDED.search(before(match) + after(match))
        if not _valid(match[0]) or not (bond or re.search(r"CH\d|NH\d|OH|CH=", match[0])):
            return None
        return " ".join(self._said(group) for group in re.split("[-=≡]", match[0]))

    def hydrate(self, match: re.Match[str]) -> str | None:
        """Read ``CuSO4.5H2O``."""
        if not _plausible(match["salt"]):
            return None
        count = f"{self._numbers.whole(match['count'])} " if match["count"] else ""
        return f"{self._said(match['salt'])} chấm {count}{self._said('H2O')}"

    def over(self, match: re.Match[str]) -> str | None:
        """Read ``AgNO3/NH3``."""
        both = match["first"], match["last"]
        if not all(_valid(one) and (_COMPOUND.match(one) or _certain(one)) for one in both):
            return None
        return " trên ".join(map(self._said, both))

    def formula(self, match: re.Match[str]) -> str | None:  # noqa: PLR0911
        """Read an unambiguous formula; a single element only near words of chemistry."""
        written = match[0]
        if not _valid(written):
            return None
        if _certain(written):
            return self._said(written)
        if written[0] == "(" and written[-1] == ")" and written[1:-1] in _METALS:
            return f"({self._said(written[1:-1])})" if _ELEMENT_NAME.search(before(match)) else None
        if written == "Mn" and _PEOPLE.match(match.string, match.end()):
            return None  # mọi người
        if written in _METALS | {"NO", "CO", "HI", "KI"}:
            around = before(match) + after(match)
            alone = written in _METALS and len(written) > 1 and not is_syllable(written.lower())
            listed = _ELEMENT_BEFORE.search(match.string, max(0, match.start() - 7), match.start())
            if listed and listed[1] in ELEMENTS and written in _METALS:
                return self._said(written)
            named = re.match(r"\s[A-ZĐ][a-z]", match.string[match.end() : match.end() + 3])
            gas = written in {"NO", "CO"} and _GAS.search(around)
            if gas or (alone and not named) or _CHEMICAL.search(around):
                return self._said(written)
        return None

    def amount(self, match: re.Match[str]) -> str | None:
        """Read ``nCO2``, the amount of a substance."""
        if not _valid(match["species"]) or not re.search(r"\d|[A-Z][a-z]", match["species"]):
            return None
        whole = match[0]
        if match["of"].isupper() and (_valid(whole) or not re.match(r"\s?=", after(match))):
            return None
        return f"{spelled(match['of'])} {self._said(match['species'])}"

    def _said(self, species: str) -> str:
        words: list[str] = []
        marks: list[str] = []
        for part in re.findall(r"\^\d?[+-]$|\d+|[A-Z][a-z]?|[()↑↓]|e$|[+-]$", _written(species)):
            if part.isdecimal():
                words.append(self._numbers.whole(part))
            elif part in _MARKS:
                marks.append(_MARKS[part])
            elif part[-1] in "+-":
                words += map(self._numbers.whole, part[1:-1])
                words.append("cộng" if part[-1] == "+" else "trừ")
            elif part.isalpha():
                words.append(spelled(part))
        said = " ".join(words)
        # in Mg(OH)2 the number counts the group, not its last atom
        if re.search(r"\)[2-9]", species):
            said += " lần" * species.strip(" ↑↓").endswith(tuple("23456789"))
        return " ".join([said, *marks])


def genotype(match: re.Match[str]) -> str:
    """Read ``AaBb``, in which the size of a letter tells which allele is dominant."""
    return " ".join(
        f"{spelled(letter)} {'lớn' if letter.isupper() else 'nhỏ'}" for letter in match[0]
    )


def _written(species: str) -> str:
    """Return a formula with its charge behind a caret: ``SO4²⁻`` and ``SO42-`` as ``SO4^2-``."""
    plain = re.sub(r"([²³]?)([⁺⁻])$", r"^\1\2", species.strip()).translate(_SUPERSCRIPTS)
    return re.sub(r"(?<=O)([34])([23])(?=-$)", r"\1^\2", plain)


def _valid(species: str) -> bool:
    atoms = re.findall(r"[A-Z][a-z]?", species)
    return bool(atoms) and all(atom in ELEMENTS for atom in atoms)


def _plausible(species: str) -> bool:
    """Return whether a side of an equation may be this: elements, an unknown metal, or heat."""
    atoms = re.findall(r"[A-Z][a-z]?", species)
    return bool(atoms) and all(atom in ELEMENTS or atom in "MRXQA" for atom in atoms)


def _certain(species: str) -> bool:
    """Return whether letters and digits can only be a formula: NaCl, Mg(OH)2, FeCl3, H2SO4."""
    atoms = re.findall(r"[A-Z][a-z]?", species)
    digits = re.search(r"\d", species.lstrip("0123456789")) is not None
    small = any(len(atom) == 2 for atom in atoms)  # noqa: PLR2004
    bare = re.sub(r"[\d()+^-]", "", species)
    if _CHARGED.fullmatch(species):
        return True
    if len(atoms) < 2:  # noqa: PLR2004
        charged = re.fullmatch(r"[A-Z][a-z]?\^?[1-4]?[+-]", species) is not None
        ion = charged and (species[-2] in "1234" or species in _IONS)
        return species in _MOLECULES or (ion and atoms[0] in _METALS)
    if small and (digits or "(" in species):
        return True
    enclosed = re.fullmatch(r"\([^()]*\)\d*", species) is not None  # (PC67) is in brackets
    return bare in _PAIRS or ("(" in species and digits and not enclosed)


_SUPERSCRIPTS: Final = str.maketrans("²³⁺⁻", "23+-")
_CHARGED: Final = lazily(
    r"(?:[A-Z][a-z]?\d?){1,4}\^\d?[+-]|(?:[A-Z][a-z]?\d?){1,4}[²³]?[⁺⁻]"
    r"|(?:H?(?:SO|CO|PO|SiO|CrO|HPO)[34][23]?|H?(?:NO|ClO|MnO|CO|SO)[34]?|OH)-|(?:NH4|H3O|H)\+"
)
"""Ions: ``Fe^3+``, ``Cu²⁺``, ``SO42-``, ``OH-``."""
_PEOPLE: Final = lazily(
    r" (?:cho|ơi|ưi|ui|oi|chia|chú|không|ko|k|lưu|với|à|thông|cẩn|hãy|có|ai|giúp|xem|đi|nên|đã|ạ"
    r"|thấy|cứ|nhớ|đừng|vào|ở|mình|tư|nào|cứu|lên|mua|chỉ|hỏi|đọc|dùng|sài|xài|tin|ủng|ơii|qua|theo)(?!\w)"
)
_BOND: Final = lazily(r"(?:Cl|Br|[HCONSFI])[-=≡](?:Cl|Br|[HCONSFI])")
_BONDED: Final = lazily(r"liên kết|phân cực|\be_?b ?\(")
_ELECTRONS: Final = lazily(r"\d{0,2}e")
_PAIRS: Final = frozenset(
    "NaCl KCl HCl NaOH CaO MgO FeO CuO ZnO BaO NaBr KBr HBr NaI AgCl AgBr NaF CaS FeS ZnS CuS PbS"
    " MgS HgO MnO NiO CoO AlN SiC BeO NaH LiH LiCl NaClO HClO HBrO NaCN AgI CsCl RbCl LiOH NaHS PbO"
    " SnO TiN TiC CuI TlCl InP GaN GaAs NaAlO KBrO CuCl HgS CdS COOH CHCOOH".split()
)
_IONS: Final = frozenset(["Na+", "Cl-", "Ag+", "Br-", "Li+"])
_ELEMENT_BEFORE: Final = lazily(r"(?<!\w)([A-Z][a-z]?)(?:,|\svà)\s$")
_ELEMENT_NAME: Final = lazily(
    r"(?:kim loại|sắt|nhôm|đồng|kẽm|chì|bạc|vàng|natri|kali|canxi|magie|bari|thiếc|niken|crom"
    r"|mangan|bạch kim|thủy ngân|liti|brom|clo|silic)\s$"
)
_VALENCES: Final = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7}
_COMPOUND: Final = lazily(r"\d{0,2}[A-Z][a-z]?(?:(?:\d?[A-Z][a-z]?\d?){1,8}(?<=\d)$|\d[A-Z])")
"""Two elements or more with a number: CO2 and H2O, which are certain only in an equation."""
_MOLECULES: Final = frozenset("H2 O2 N2 Cl2 Br2 I2 F2 O3".split())
