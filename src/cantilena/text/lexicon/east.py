"""Instruments, genres, moods and tempi in Japanese and Chinese, and how such writing is cut.

Knows words; does not know sentences. Neither language sets spaces between words, so that a run of
their letters is cut where one of these words stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cantilena.text.wordlists import by_name, word_set

INSTRUMENTS: dict[str, str] = by_name(
    {
        "piano": "ピアノ, グランドピアノ, 钢琴, 鋼琴",
        "electric piano": "エレピ, エレクトリックピアノ, ローズピアノ, 电钢琴, 電鋼琴, 电子钢琴",
        "keyboard": "キーボード, 键盘, 鍵盤",
        "harpsichord": "チェンバロ, ハープシコード, 羽管键琴, 大键琴",
        "celesta": "チェレスタ, 钢片琴",
        "glockenspiel": "グロッケン, グロッケンシュピール, 鉄琴, 钟琴",
        "music box": "オルゴール, 八音盒",
        "vibraphone": "ビブラフォン, ヴィブラフォン, 颤音琴",
        "marimba": "マリンバ, 马林巴",
        "xylophone": "シロフォン, 木琴",
        "bells": "ベル, 鈴, 铃",
        "organ": "オルガン, 风琴, 風琴",
        "church organ": "パイプオルガン, 教会オルガン, 管风琴, 管風琴",
        "accordion": "アコーディオン, 手风琴, 手風琴",
        "harmonica": "ハーモニカ, 口琴",
        "guitar": "ギター, 吉他",
        "acoustic guitar": "アコースティックギター, アコギ, 木吉他, 原声吉他",
        "nylon-string guitar": "クラシックギター, ガットギター, 古典吉他, 尼龙吉他",
        "electric guitar": "エレキギター, エレキ, エレクトリックギター, 电吉他, 電吉他",
        "distortion guitar": "ディストーションギター, 歪みギター, 失真吉他",
        "ukulele": "ウクレレ, 尤克里里",
        "mandolin": "マンドリン, 曼陀林",
        "bass": "ベース, 贝斯, 貝斯, 低音",
        "acoustic bass": "ウッドベース, アコースティックベース, 立式贝斯",
        "electric bass": "エレキベース, ベースギター, 电贝斯, 電貝斯",
        "synth bass": "シンセベース, 合成贝斯",
        "violin": "バイオリン, ヴァイオリン, 小提琴",
        "viola": "ビオラ, ヴィオラ, 中提琴",
        "cello": "チェロ, 大提琴",
        "double bass": "コントラバス, 低音提琴",
        "fiddle": "二胡, フィドル",
        "strings": "ストリングス, 弦楽, 弦楽器, 弦乐, 弦樂",
        "harp": "ハープ, 竖琴, 豎琴",
        "timpani": "ティンパニ, 定音鼓",
        "choir": "合唱, コーラス, 合唱团, 合唱團, 聖歌隊",
        "voice": "ボーカル, ヴォーカル, 歌声, 人声, 人聲, 女声, 男声",
        "trumpet": "トランペット, 小号, 小號",
        "trombone": "トロンボーン, 长号, 長號",
        "tuba": "チューバ, 大号, 大號",
        "french horn": "ホルン, フレンチホルン, 圆号, 圓號",
        "brass": "ブラス, 金管, 金管楽器, 铜管, 銅管",
        "saxophone": "サックス, サクソフォン, 萨克斯, 薩克斯, 萨克斯风",
        "alto saxophone": "アルトサックス, 中音萨克斯",
        "tenor saxophone": "テナーサックス, 次中音萨克斯",
        "oboe": "オーボエ, 双簧管, 雙簧管",
        "bassoon": "ファゴット, バスーン, 巴松, 大管",
        "clarinet": "クラリネット, 单簧管, 單簧管",
        "woodwinds": "木管, 木管楽器, 木管乐器",
        "piccolo": "ピッコロ, 短笛",
        "flute": "フルート, 长笛, 長笛",
        "recorder": "リコーダー, 竖笛",
        "pan flute": "パンフルート, 排箫, 排簫",
        "shakuhachi": "尺八, 竹笛, 笛子, 洞箫, 箫",
        "whistle": "口笛, 口哨",
        "ocarina": "オカリナ, 陶笛",
        "synth": "シンセ, シンセサイザー, 合成器",
        "synth pad": "パッド, シンセパッド, 铺底",
        "sitar": "シタール, 西塔琴",
        "banjo": "バンジョー, 班卓琴",
        "shamisen": "三味線, 琵琶, 三弦",
        "koto": "琴, 箏, 古筝, 古箏, 古琴",
        "kalimba": "カリンバ, 拇指琴",
        "bagpipe": "バグパイプ, 风笛, 風笛",
        "shanai": "唢呐",
        "dulcimer": "扬琴, 揚琴",
        "steel drums": "スチールパン, 钢鼓",
        "taiko drum": "太鼓, 和太鼓, 大鼓",
        "drums": "ドラム, ドラムス, ドラムセット, 架子鼓, 鼓组, 鼓",
        "percussion": "パーカッション, 打楽器, 打击乐, 打擊樂, ボンゴ, コンガ",
    }
)
"""Name: canonical instrument."""

GENRES: dict[str, str] = by_name(
    {
        "pop": "ポップ, ポップス, 流行, 流行音乐, 流行歌",
        "rock": "ロック, 摇滚, 搖滾",
        "metal": "メタル, ヘビーメタル, 金属, 重金属",
        "punk": "パンク, 朋克",
        "blues": "ブルース, 布鲁斯, 蓝调, 藍調",
        "jazz": "ジャズ, 爵士, 爵士乐, 爵士樂",
        "bossa nova": "ボサノバ, ボサノヴァ, 巴萨诺瓦",
        "latin": "ラテン, 拉丁",
        "funk": "ファンク, 放克",
        "soul": "ソウル, 灵魂乐",
        "disco": "ディスコ, 迪斯科",
        "dance": "ダンス, 舞曲",
        "house": "ハウス, 浩室",
        "techno": "テクノ, 科技舞曲",
        "trance": "トランス",
        "electronic": "エレクトロ, 電子音楽, 电子, 电子音乐, 電子",
        "ambient": "アンビエント, 环境音乐, 氛围",
        "lofi": "ローファイ",
        "hip hop": "ヒップホップ, ラップ, 嘻哈, 说唱",
        "reggae": "レゲエ, 雷鬼",
        "country": "カントリー, 乡村, 鄉村",
        "folk": "フォーク, 民謡, 民谣, 民謠, 民乐, 民族",
        "celtic": "ケルト, 凯尔特",
        "gospel": "ゴスペル, 福音",
        "classical": "クラシック, 古典, 古典音乐, 交響曲, 交响曲",
        "baroque": "バロック, 巴洛克",
        "march": "行進曲, マーチ, 进行曲",
        "waltz": "ワルツ, 华尔兹, 圆舞曲, 円舞曲",
        "ragtime": "ラグタイム",
        "tango": "タンゴ, 探戈",
        "samba": "サンバ, 桑巴",
        "soundtrack": "映画音楽, サウンドトラック, 电影配乐, 影视配乐, 配乐",
        "game": "ゲーム音楽, チップチューン, 游戏音乐, 電玩",
        "new age": "ニューエイジ, ヒーリング, 新世纪",
        "christmas": "クリスマス, 圣诞, 聖誕",
        "children": "子守唄, 童謡, 儿歌, 兒歌, 摇篮曲",
        "ballad": "バラード, 抒情歌, 情歌",
    }
)
"""Name: canonical genre."""

MOODS: dict[str, str] = by_name(
    {
        "happy": "楽しい, 明るい, 嬉しい, 幸せ, ハッピー, 快乐, 欢快, 开心, 歡快, 喜庆, 愉快",
        "sad": "悲しい, 哀しい, 悲しげ, 切ない, 悲伤, 悲傷, 伤感, 哀伤",
        "calm": "静か, 静かな, 穏やか, 穏やかな, 優しい, 温柔, 溫柔, 安静, 宁静, 平静, 轻柔, 柔和",
        "energetic": "元気, 力強い, 激しい, 激情, 充满活力, 有活力, 热情, 动感, 激昂",
        "dark": "暗い, 不気味, ダーク, 黑暗, 阴暗, 恐怖",
        "romantic": "ロマンチック, 甘い, 浪漫",
        "epic": "壮大, 壮大な, 英雄的, 史诗, 史诗般, 宏大, 雄伟, 壮丽",
        "melancholic": "メランコリック, 憂鬱, 忧郁, 憂鬱な, 惆怅",
        "mysterious": "神秘的, 不思議, ミステリアス, 神秘, 诡异",
        "playful": "可愛い, かわいい, コミカル, 俏皮, 可爱, 活泼, 调皮",
        "tense": "緊張, 緊迫, スリリング, 紧张, 悬疑",
        "dreamy": "幻想的, 夢のような, ドリーミー, 梦幻, 夢幻, 空灵",
        "aggressive": "攻撃的, 怒り, 激烈, 愤怒",
        "hopeful": "希望, 前向き, 励志, 充满希望, 鼓舞",
        "nostalgic": "懐かしい, ノスタルジック, 怀旧, 懷舊",
        "solemn": "荘厳, 厳か, 庄严, 神圣, 肃穆",
        "relaxed": "リラックス, 落ち着いた, のんびり, チル, 放松, 轻松, 悠闲, 舒缓",
    }
)
"""Name: canonical mood."""

PACES: dict[str, str] = by_name(
    {
        "slow": "ゆっくり, ゆったり, 遅い, スロー, 慢, 缓慢, 慢速, 慢板",
        "fast": "速い, 早い, テンポの速い, アップテンポ, 快, 快速, 快板",
        "very fast": "とても速い, 急板",
        "medium tempo": "ミディアム, ミディアムテンポ, 中速, 中板",
        "andante": "アンダンテ, 行板",
        "allegro": "アレグロ",
        "adagio": "アダージョ, 柔板",
    }
)
"""Name: the tempo word that it stands for."""

STOP = word_set(
    """
    と の を で に が は も や な 、 曲 音楽 夜 作って ください 下さい お願い 使って
    した する 的 和 与 跟 用 一首 首 请 請 音乐 音樂 写 做 创作 生成 一段 段 风格
    風格 感觉 为 给 演奏 のための 風 風の い ような ソロ 和弦进行 コード进行 コード
    進行 コード進行
    """
)
"""Words that ask for nothing, and the particles."""

NO = word_set("没有 沒有 不要 不用 无 無 不含 除了")
"""Words that refuse what follows them."""
NONE = ("なし", "無し", "抜き", "ぬき", "以外")
"""Words that refuse what stands before them."""

_RUN = re.compile(r"[\u3040-\u30ff々\u3400-\u9fff]+")
_KNOWN = sorted(
    {*INSTRUMENTS, *GENRES, *MOODS, *PACES, *STOP, *NO, *NONE}, key=lambda w: (-len(w), w)
)
_ONE = re.compile("|".join(map(re.escape, _KNOWN)))


def cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The words of one run of letters, as spans: of Japanese or Chinese the listed words and what
    is between them."""
    at = start
    for run in _RUN.finditer(text, start, end):
        pieces = [m.span() for m in _ONE.finditer(text, *run.span())]
        for a, b in pieces:
            if at < a:
                yield at, a
            yield a, b
            at = b
        if at < run.end():
            yield at, run.end()
            at = run.end()
    if at < end:
        yield at, end
