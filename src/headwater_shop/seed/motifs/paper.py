"""Things of paper, and things to write with."""

from headwater_shop.seed.svg import Emblem, Palette, circle, line, path, rect, turn


def card(p: Palette, emblem: Emblem) -> str:
    envelope = rect(142, 176, 190, 134, p.light, 8) + path("M142 182L237 256 332 182V176H142Z", p.dark, 0.5)
    front = rect(86, 84, 168, 214, "#fffdf8", 8) + rect(100, 98, 140, 186, p.main, 4, 0.22)
    art = emblem.on_paper(170, 172, 44) + line("M136 242H204M150 260H190", p.main, 7)
    return turn(7, 230, 240, envelope) + turn(-5, 170, 190, rect(90, 90, 168, 214, p.ink, 8, 0.12) + front + art)


def notebook(p: Palette, emblem: Emblem) -> str:
    pages = rect(122, 92, 178, 228, "#fffdf5", 10) + line("M294 104V308", p.light, 4)
    cover = rect(108, 84, 178, 228, p.main, 12) + rect(108, 84, 34, 228, p.dark, 12)
    elastic = rect(258, 84, 12, 228, p.accent)
    label = rect(158, 124, 86, 86, "#fffaf0", 8) + emblem.on_paper(201, 167, 30)
    return (
        rect(112, 92, 190, 232, p.ink, 12, 0.12)
        + pages
        + cover
        + elastic
        + label
        + rect(160, 236, 82, 8, "#fff", 4, 0.5)
    )


def pencils(p: Palette, emblem: Emblem) -> str:
    def one(x: float, top: float, colour: str) -> str:
        wood = path(f"M{x} {top + 44}L{x + 17} {top}L{x + 34} {top + 44}Z", "#f0d3a4")
        lead = path(f"M{x + 11} {top + 15}L{x + 17} {top}L{x + 23} {top + 15}Z", colour)
        return wood + lead + rect(x, top + 44, 34, 160, colour) + rect(x, top + 44, 10, 160, "#fff", 0, 0.25)

    colours = (p.dark, p.accent, p.main, p.ink, p.light)
    row = "".join(one(102 + 40 * i, (104, 78, 92, 70, 100)[i], c) for i, c in enumerate(colours))
    return (
        row + path("M88 196H312V306C312 316 306 322 296 322H104C94 322 88 316 88 306Z", p.main) + emblem(200, 258, 42)
    )


def gift(p: Palette, emblem: Emblem) -> str:
    box = rect(98, 186, 204, 136, p.main, 8) + rect(98, 186, 204, 26, p.dark, 0, 0.35)
    lid = rect(86, 148, 228, 50, p.main, 8) + rect(86, 148, 228, 14, "#fff", 7, 0.25)
    ribbon = rect(180, 148, 40, 174, p.accent)
    bow = path(
        "M200 148C140 150 112 78 152 78C182 78 196 118 200 148C204 118 218 78 248 78C288 78 260 150 200 148Z", p.accent
    )
    folds = path(
        "M192 134C166 130 142 100 154 94C172 92 186 116 192 134Z"
        "M208 134C234 130 258 100 246 94C228 92 214 116 208 134Z",
        p.ink,
        0.25,
    )
    return box + lid + ribbon + bow + folds + emblem(140, 262, 20) + emblem(260, 262, 20)


def wrap(p: Palette, emblem: Emblem) -> str:
    def roll(x: float, colour: str, edge: str) -> str:
        paper = rect(x, 92, 64, 218, colour, 6) + f'<ellipse cx="{x + 32}" cy="92" rx="32" ry="12" fill="{edge}"/>'
        put = emblem.on_paper if colour == p.light else emblem
        hole = f'<ellipse cx="{x + 32}" cy="92" rx="16" ry="6" fill="#fff" opacity=".7"/>'
        return paper + hole + "".join(put(x + 32, y, 17) for y in (142, 190, 284)) + rect(x, 222, 64, 26, "#fffaf0")

    return (
        turn(-9, 140, 320, roll(98, p.light, p.main))
        + turn(9, 260, 320, roll(238, p.dark, p.main))
        + roll(168, p.main, p.light)
    )


def tag(p: Palette, emblem: Emblem) -> str:
    def one(colour: str) -> str:
        shape = path("M200 76L254 124V306C254 316 248 322 240 322H160C152 322 146 316 146 306V124Z", colour)
        return shape + circle(200, 126, 15, "#fff", 0.9) + line("M200 126C180 96 216 76 196 44", p.ink, 4)

    front = one(p.main) + emblem(200, 212, 38) + line("M172 278H228", "#fff", 6, 0.7)
    return turn(20, 200, 130, one(p.accent)) + turn(-16, 200, 130, one(p.light)) + front


def sign(p: Palette, emblem: Emblem) -> str:
    rope = line("M122 168L200 84 278 168", "#a67f4e", 6) + circle(200, 84, 9, p.ink)
    plank = rect(70, 162, 260, 126, p.dark, 20) + rect(70, 156, 260, 126, p.main, 20)
    edge = f'<rect x="84" y="170" width="232" height="98" rx="12" fill="none" stroke="{p.light}" stroke-width="5"/>'
    words = line("M166 204H292M166 234H262", "#fffaf0", 11)
    return rope + plank + edge + words + emblem(124, 219, 26)


def book(p: Palette, emblem: Emblem) -> str:
    cover = path(
        "M56 118C110 104 170 110 200 132C230 110 290 104 344 118V308C290 294 230 300 200 322C170 300 110 294 56 308Z",
        p.main,
    )
    left = path("M72 106C120 94 172 100 200 122V304C172 284 120 280 72 290Z", "#fffdf5")
    right = path("M328 106C280 94 228 100 200 122V304C228 284 280 280 328 290Z", "#fff6e6")
    words = line(
        "M230 154C256 144 282 142 304 144M230 186C256 176 282 174 304 176M230 218C256 208 282 206 304 208", p.light, 7
    )
    return cover + left + right + words + line("M200 122V304", p.dark, 4, 0.5) + emblem.on_paper(136, 192, 36)


def stickers(p: Palette, emblem: Emblem) -> str:
    sheet = turn(-4, 200, 200, rect(94, 78, 212, 240, p.ink, 12, 0.1) + rect(90, 72, 212, 240, "#fffdf8", 12))
    spots = (
        (144, 130, p.light),
        (246, 124, p.main),
        (148, 208, p.accent),
        (250, 204, p.light),
        (152, 284, p.main),
        (254, 278, p.accent),
    )
    return sheet + "".join(circle(x, y, 34, c, 0.6) + emblem.on_paper(x, y, 21) for x, y, c in spots)


def parcel(p: Palette, emblem: Emblem) -> str:
    box = path("M76 150L200 196V332L76 280Z", "#d3a56c") + path("M324 150L200 196V332L324 280Z", "#b98a52")
    top = path("M200 100L324 150 200 196 76 150Z", "#e6c08c") + path(
        "M138 125L262 173V196L236 206V183L112 135Z", p.accent
    )
    return box + top + rect(98, 214, 62, 46, "#fffaf0", 4) + line("M108 230H148M108 244H136", p.ink, 4, 0.6)


def puzzle(p: Palette, emblem: Emblem) -> str:
    piece = (
        "M100 110H170C156 70 224 70 210 110H280V180C320 166 320 234 280 220"
        "V290H210C224 250 156 250 170 290H100V220C60 234 60 166 100 180Z"
    )
    under = f'<g transform="translate(6 16)">{path(piece, p.dark)}</g>'
    pins = circle(118, 128, 6, "#fff", 0.35) + circle(262, 128, 6, "#fff", 0.35)
    return under + path(piece, p.main) + pins + emblem(190, 196, 40)
