"""Names in the encodings of the world's sequencers, which no file states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.score.midi import read_midi, smf
from cantilena.score.midi.text import decode_text, encoding_of

NAMES = {
    "cp932": "ピアノ ベース 三味線 歌 太鼓 右手 主旋律 千本桜 残酷な天使のテーゼ ﾋﾟｱﾉ ﾒﾛﾃﾞｨ "
    "オーボエ 第１楽章",
    "gbk": "钢琴 鼓 二胡 贝斯 小提琴 左手 主旋律 月亮代表我的心 青花瓷 渔舟唱晚 定音鼓 葫芦丝 "
    "音轨1 E吉他",
    "cp949": "피아노 북 기타 가야금 보컬 왼손 멜로디 아리랑 벚꽃엔딩 서른즈음에 휘파람 팀파니 "
    "일렉기타",
    "big5": "鋼琴 鼓 長笛 薩克斯風 主旋律 月亮代表我的心 望春風 揚琴",
    "cp1251": "Скрипка Бас БАЯН гитара Фортепиано хор Туба Очи Подмосковные Ударные Їжак",
    "cp1252": "Flöte Flûte España Fløyte Größe São Prélude Über Blåbär Più Été",
    "cp850": "Flöte Bläser Trompete-Dämpfer",
    "utf-8": "ピアノ 钢琴 피아노 Скрипка Flöte é",
    "utf-16": "ピアノ Violin 钢琴",
}
CASES = [(codec, name) for codec, names in NAMES.items() for name in names.split()]


@pytest.mark.parametrize(("codec", "name"), CASES)
def test_a_single_name(codec: str, name: str):
    assert decode_text(name.encode(codec)) == name


@pytest.mark.parametrize("codec", NAMES)
def test_the_names_of_a_file_tell_its_encoding_together(codec: str):
    texts = [name.encode(codec) for name in NAMES[codec].split()]
    encoding = encoding_of(texts)
    assert [decode_text(t, encoding) for t in texts] == NAMES[codec].split()


@pytest.mark.parametrize(
    ("hard", "codec", "others"),
    [
        ("Größe", "cp850", "Flöte Bläser"),
        ("合唱", "gbk", "钢琴 小提琴"),
        ("阮", "gbk", "琵琶 扬琴"),
        ("é", "cp1252", "Prélude"),
    ],
)
def test_a_name_too_short_to_tell_is_told_by_the_others(hard: str, codec: str, others: str):
    texts = [name.encode(codec) for name in (hard, *others.split())]
    assert decode_text(texts[0], encoding_of(texts)) == hard


def test_vietnamese_with_its_marks_behind_the_vowels():
    title = b"S\xc2\xccU LE\xd2 BO\xecNG"
    assert decode_text(title) == "SẦU LẺ BÓNG"


def test_utf_16_with_and_without_its_mark():
    assert decode_text("\ufeffViolin".encode("utf-16-le")) == "Violin"
    assert decode_text("\ufeffピアノ".encode("utf-16-be")) == "ピアノ"
    assert decode_text("Violin".encode("utf-16-le")) == "Violin"
    assert decode_text("Violin".encode("utf-16-be")) == "Violin"
    assert decode_text("\ufeffViolin".encode()) == "Violin"


def test_text_cut_within_a_character():
    """As fields of a fixed width leave it."""
    assert decode_text("ストリングス".encode("cp932")[:-1]).startswith("ストリング")
    assert decode_text("钢琴协奏曲".encode("gbk")[:-1]).startswith("钢琴协奏")


def test_plain_text_and_rubbish():
    assert decode_text(b"Piano 1") == "Piano 1"
    assert decode_text(b"") == ""
    assert decode_text("© 1998 A. B.".encode("cp1252")) == "© 1998 A. B."
    assert encoding_of([]) == encoding_of([b"Piano"]) == "latin-1"


@given(st.lists(st.binary(max_size=12), max_size=5))
def test_any_bytes_are_some_text(texts: list[bytes]):
    encoding = encoding_of(texts)
    assert all(isinstance(decode_text(t, encoding), str) for t in texts)


def test_the_names_in_a_file():
    """The short name of a track is read by the title and by a lyric, which stand in it too."""
    title, name, lyric = (t.encode("gbk") for t in ("渔舟唱晚", "阮", "月亮代表我的心"))
    head = b"\0" + smf.meta(3, title) + b"\0" + smf.meta(5, lyric) + b"\0\xff\x2f\0"
    body = b"\0" + smf.meta(3, name) + b"\0\x90\x3c\x40\x60\x80\x3c\0\0\xff\x2f\0"
    score = read_midi(smf.header(96, 2) + smf.chunk(head) + smf.chunk(body))
    assert (score.title, score.tracks[0].name) == ("渔舟唱晚", "阮")
