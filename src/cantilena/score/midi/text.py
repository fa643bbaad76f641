"""The text in MIDI files: in which encoding it stands, which no file says.

Knows how the scripts of the world's MIDI files look in bytes; does not know events.

UTF-8 and UTF-16 prove themselves. Of the older encodings nearly every string of bytes is valid in
several, so the one is taken in which all texts of a file together are the most plausible: each
character has a probability by its class (common, rare or never in names), and each script that of
its words' usual shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from math import log
from unicodedata import normalize

_ENOUGH = 4000  # bytes that are looked at; more tell nothing new

# The most frequent characters of each language and those of its words for instruments and music.
_SIMPLIFIED = (
    "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里"
    "后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长"
    "知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间"
    "新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体"
    "别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利"
    "受光王果亲界及今京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百"
    "吃义科怎元社术结六功指思非流每青管夫连远资队跟带花快条院变联言权往展该领传近留红治决周保达办运武半候七"
    "必城父强步完革深区即求品士转量空甚众技轻程告江语英基派满式李息写呢识极令黄德收脸钱党倒未持取设始版双历"
    "越史商千片容研像找友孩站广改议形委早房音火际则首单据导影失拿网香似斯专石若兵弟谁校读志飞观争究包组造落"
    "视济喜离虽坏兴切古且号曲钢琴吉他贝斯鼓弦乐器提笛箫筝琵琶胡铜萨克风圆低高音合唱独奏伴旋律主打击钟铃镲"
    "木排口竖抒民谣摇滚爵士歌词轨道节奏拍速弹拨吹人声女男童混和背景效果前后左右手部第段首尾巴松短长电子合成"
    "采样库总谱簧键盘梦爱夜春秋冬夏雨雪星月亮天空海风云花草树故乡回忆思念永远幸福快乐悲伤朋友祝生日"
)
_TRADITIONAL = (
    "的一是不了人我在有他這中大來上國個到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可她裡"
    "後小麼心多天而能好都然沒日於起還發成事只作當想看文無開手十用主行方又如前所本見經頭面公同三已老從動兩長"
    "知現分將外但身些與高意進把法此實回二理美點月明其種聲全部正名定女力機給等新打位因重電四第門東海口西平真聽"
    "鋼琴吉他貝斯鼓弦樂器提笛簫箏琵琶胡銅薩克風圓低音合唱獨奏伴旋律擊鐘鈴鈸木排豎民謠搖滾爵士歌詞軌節拍速彈撥"
    "吹男童混背景效果左右段尾巴松短雙單簧管號曲夢愛夜春秋冬夏雨雪星亮空雲花草樹故鄉憶思念永遠幸福快悲傷朋友祝"
)
_KANJI = (
    "一二三四五六七八九十日月火水木金土曜年時分秒人名前後左右上下中大小高低長短新古多少白黒赤青音楽曲歌声唱"
    "詞作編者主副旋律和伴奏独重合器弦管打鍵盤鼓太琴箏尺八三味線笛胡弓琵琶指揮交響組協想狂即興円舞行進拍子速度"
    "強弱調長短低高電気生男女混声部第番序破急終始前奏間奏後奏無題夢愛恋心空海山川花春夏秋冬雨雪風星夜朝夕光影"
    "道国東西南北京都世界君僕私彼君今日明昨何言会見聞話書思知行来出入立手足目口耳力気本物事所場方度回数字全部"
    "版完成原協同制社会学校先生友達家族父母子兄弟姉妹天地神仏魂命生死戦争平和時代昔物語伝説英雄王女姫少年娘"
)
_HANGUL = (
    "이다는의에가을를은하고지도로한사나자기서아어그리대인라시부만해정스수보일전들제니소장것무상원여오마과성"
    "경주내동구세유관모치조게음면공교거우안요되신선물개발표방위계문간생장회식말년실행적단국중차진바작와으비당"
    "연결심미민반천명속박각할때안더없있같된였던됐피아노기타베이스드럼현악첼로바이올린플루트클라리넷색소폰트럼펫"
    "호른튜바오르간신디사이저코러스보컬가야금거문고대금해금장구북꽹과리징태평소단소합창독주반주멜로디리듬선율"
    "노래가사제목작곡편곡사랑밤비눈봄여름가을겨울하늘바다별달꽃길꿈너나우리엄마아빠고향이별만남눈물추억행복"
    "왼손오른쪽높은낮은빠르게느리게퍼커션패드스트링브라스솔로일렉통어쿠스틱건반타악관악현악하모니카"
    "좋웃날별딩엔벚꽃휘람김석심벌즈밴후렴박최강윤임권황송류홍광화진혼노울잎멀걸곳늘끝맑빛풍왈츠무곡협서창판애국행"
    "둘셋넷처럼많못써싶알잊찾울쓸갈올볼될잠깐참온통땅품숨춤탱고펑키록메탈팝발캐럴성탄예배찬송복음군회복날개촛불"
)
_RUSSIAN_LETTERS = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
_PER_MILLE = (110, 85, 80, 74, 67, 63, 55, 47, 45, 44, 35, 32, 30, 28, 26, 20, 19, 17, 17, 16, 16)
_PER_MILLE_OF_RARE = (14, 12, 10, 9, 7, 6, 5, 4, 3, 3, 1, 1)
_RUSSIAN = dict(zip(_RUSSIAN_LETTERS, (*_PER_MILLE, *_PER_MILLE_OF_RARE), strict=True))
_LATIN_COMMON = frozenset("äöüßéèêëàâáãåçñóòôõöøúùûíìîïæœýðþÄÖÜÉÈÊÀÂÃÅØÆÑÇÁÓÔÕÍÎÚÞ")
_QUOTES = frozenset("’‘“”–—…•©®™°ªº·´«»¿¡ §")

_ASCII = log(0.02)  # the same in all languages, since all mix it in
_NEVER = log(1e-8)
_TONES = "\u0300\u0301\u0303\u0309\u0323"  # combining marks
_CUT = -8.0  # for a text that is cut within its last character
_MIXED = 3.0  # off where a letter of ASCII and one of another script touch
_KANA_MARKS = "ﾞﾟｰ"


def encoding_of(texts: Iterable[bytes]) -> str:
    """The encoding (a codec's name) in which all of a file's ``texts`` stand; "latin-1" where
    nothing speaks for another. Texts that are UTF-16 by their own witness count for none."""
    high = [t for t in texts if not t.isascii() and _utf16(t) is None]
    sample: list[bytes] = []
    for text in dict.fromkeys(high):
        if sum(map(len, sample)) + len(text) > _ENOUGH and sample:
            break
        sample.append(text)
    return _guess(tuple(sample))


def decode_text(data: bytes, encoding: str = "") -> str:
    """The text in ``data``: UTF-16 or UTF-8 where it is that, else in ``encoding``, that of its
    file's texts (``encoding_of``), or the most plausible for it alone."""
    if data.isascii() and b"\0" not in data:
        return data.decode("ascii")
    if wide := _utf16(data):
        return data.decode(wide, "replace").removeprefix("\ufeff")
    encoding = encoding or encoding_of([data])
    for codec in (encoding, "utf-8"):
        try:
            return normalize("NFC", data.decode(codec)).removeprefix("\ufeff")
        except UnicodeDecodeError:
            pass
    if encoding in ("latin-1", "cp1252", "utf-8"):
        return data.decode("latin-1")
    return data.decode(encoding, "replace")  # cut within a character, as fixed fields do


def _utf16(data: bytes) -> str | None:
    """The kind of UTF-16 that a text is: by its mark, or by zeros at every other byte."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16-le" if data[0] == 0xFF else "utf-16-be"
    data = data.removesuffix(b"\0") if len(data) % 2 else data
    pairs = len(data) // 2
    if pairs < 2 or len(data) % 2:
        return None
    for codec, zeros, others in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        if data[zeros::2].count(0) >= max(2, 0.7 * pairs) and not data[others::2].count(0):
            return codec
    return None


@lru_cache(maxsize=256)
def _guess(texts: tuple[bytes, ...]) -> str:
    if not texts:
        return "latin-1"
    if _all_decode(texts, "utf-8") and any(c >= "\xc0" for t in texts for c in t.decode()):
        return "utf-8"  # chance makes it only of single signs
    best, most = "latin-1", _score(texts, "latin-1", _latin)
    for codec, model in _MODELS:
        score = _score(texts, codec, model) - _RARITY.get(codec, 0)
        if score > most:
            best, most = codec, score
    return best


def _all_decode(texts: tuple[bytes, ...], codec: str) -> bool:
    try:
        for text in texts:
            text.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _score(texts: tuple[bytes, ...], codec: str, model: Callable[[str], float]) -> float:
    """The logarithm of the texts' probability in an encoding."""
    total = 0.0
    for text in texts:
        try:
            total += model(text.decode(codec))
        except UnicodeDecodeError as error:
            if error.start + 1 < len(text):
                return -1e9
            total += model(text[:-1].decode(codec)) + _CUT
    return total


# ------------------------------------------------------------------ models of the languages


def _by_classes(
    classes: list[tuple[str, float]], rest: Callable[[str], float]
) -> Callable[[str], float]:
    """A model in which each character has its class's share, spread over the class."""
    table: dict[str, float] = {}
    for characters, share in classes:
        members = dict.fromkeys(c for c in characters if c not in table)
        table.update(dict.fromkeys(members, log(share / len(members))))

    def model(text: str) -> float:
        total, before = 0.0, ""
        for c in text:
            total += _ASCII if c < "\x80" else table.get(c) or rest(c)
            total -= _MIXED * _touch(before, c)
            before = c
        return total

    return model


def _span(first: int, last: int) -> str:
    return "".join(map(chr, range(first, last + 1)))


def _in_level_1(codec: str, first: int, last: int, share: float) -> Callable[[str], float]:
    """The probability of an uncommon character: those whose first byte is ``first`` to ``last``
    share ``share``, the others hardly occur."""
    level = log(share / (94 * (last - first + 1)))

    def rest(c: str) -> float:
        code = c.encode(codec)
        if len(code) < 2:
            return _NEVER
        plain = code[1] >= 0xA1 or codec in ("cp932", "big5")
        return level if first <= code[0] <= last and plain else level - 4 if plain else _NEVER

    return rest


_KANA = _span(0x30A1, 0x30F6) + "ー・"
_HIRAGANA = _span(0x3041, 0x3093)
_WIDE = _span(0xFF01, 0xFF5E) + "　、。「」『』（）【】・…～—《》〈〉“”‘’①②③④⑤♪★☆●○"


def _chinese(codec: str, common: str, first: int, last: int) -> Callable[[str], float]:
    classes = [(common, 0.75), (_WIDE, 0.02)]
    return _by_classes(classes, _in_level_1(codec, first, last, 0.2))


_japanese_wide = _by_classes(
    [(_KANA, 0.45), (_HIRAGANA, 0.2), (_KANJI, 0.25), (_WIDE, 0.02)],
    _in_level_1("cp932", 0x88, 0x97, 0.06),
)
_korean = _by_classes([(_HANGUL, 0.85), (_WIDE, 0.02)], _in_level_1("cp949", 0xB0, 0xC8, 0.2))


def _japanese(text: str) -> float:
    """Half-width katakana are one byte each, so that any text of other scripts looks like them:
    they count where they stand as in words, in runs and with their marks behind a syllable."""
    total, before = 0.0, ""
    for c in text:
        if "ｦ" <= c <= "ﾟ" or c in "･｡｢｣､":
            total += log(0.02)
            begins = not ("ｦ" <= before <= "ﾟ")
            if c in _KANA_MARKS or c in "ｧｨｩｪｫｬｭｮｯ":
                voiced = "ｶ" <= before <= "ﾄ" or "ﾊ" <= before <= "ﾎ" or before == "ｳ"
                total += -6 if begins or (c in "ﾞﾟ" and not voiced) else 2.2
            elif begins:
                total -= 4.4
        else:
            total += _japanese_wide(c) - _MIXED * _touch(before, c)
        before = c
    return total


def _cyrillic(text: str) -> float:
    """Russian letters by their frequency; capitals begin words or fill them."""
    total, before = 0.0, " "
    for c in text:
        low = c.lower()
        if c < "\x80":
            total += _ASCII - (7 if c.isalpha() and _RUSSIAN.get(before.lower()) else 0)
        elif low in _RUSSIAN:
            total += log(_RUSSIAN[low] / 1000)
            if _is_plain(before):
                total -= 7
            elif c != low:
                total -= 6 if before.islower() else 0.5
            if low in "ьъы" and not before.isalpha():
                total -= 5
        elif c in "іїєґўІЇЄҐЎ":
            total += log(0.002)
        else:
            total += log(0.002) if c in _QUOTES or c == "№" else _NEVER / 2
            total -= 4 if _is_plain(before) else 0
        before = c
    return total


def _touch(before: str, c: str) -> bool:
    """Whether a letter of ASCII and one of another script stand side by side."""
    return _is_plain(c) != _is_plain(before) and max(c, before) >= "\x80"


def _is_plain(c: str) -> bool:
    return c.isascii() and c.isalpha()


def _latin(text: str) -> float:
    """Accented letters stand alone among plain ones."""
    total = 0.0
    for before, c, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if c < "\x80":
            total += _ASCII
        elif c in _LATIN_COMMON:
            lonely = not (_is_plain(before) or _is_plain(after))
            total += log(0.004)
            total -= 3 if lonely and len(text) > 1 else 0
            total -= 1 if before >= "\xc0" else 0
            total -= 5 if c.isupper() and before.islower() else 0
        elif c in _QUOTES:
            total += log(0.001 if c >= "\u0100" else 0.003) - (4 if before >= "\xa0" else 0)
            total -= 4 if c not in "’·" and _is_plain(before) and _is_plain(after) else 0
        else:
            total += log(1e-4) if c.isalpha() and c >= "\xc0" else log(1e-5)
    return total


_RARITY = {"big5": 2.0, "utf-8": 2.0, "cp850": 1.0, "cp1258": 1.5}


def _vietnamese(text: str) -> float:
    """Windows' Vietnamese, where the marks of tones stand behind their vowels."""
    total, before = 0.0, " "
    for c in text:
        if c in _TONES:
            total += log(0.05) if before.lower() in "aăâeêioôơuưy" else _NEVER
        elif c in "ăâêôơưđĂÂÊÔƠƯĐ":
            total += log(0.004)
        else:
            total += _ASCII if c < "\x80" else _NEVER
        before = c
    return total


_MODELS: tuple[tuple[str, Callable[[str], float]], ...] = (
    ("cp1252", _latin),
    ("utf-8", _latin),
    ("cp850", _latin),  # DOS
    ("cp932", _japanese),
    ("gbk", _chinese("gbk", _SIMPLIFIED, 0xB0, 0xD7)),
    ("cp949", _korean),
    ("big5", _chinese("big5", _TRADITIONAL, 0xA4, 0xC6)),
    ("cp1251", _cyrillic),
    ("cp1258", _vietnamese),
)
