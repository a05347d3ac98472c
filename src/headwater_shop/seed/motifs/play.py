"""Toys."""

from headwater_shop.seed.svg import Emblem, Palette, circle, line, oval, path, rect, turn


def teddy(p: Palette, emblem: Emblem) -> str:
    ears = (
        circle(140, 96, 30, p.main)
        + circle(260, 96, 30, p.main)
        + circle(140, 96, 16, p.light)
        + circle(260, 96, 16, p.light)
    )
    limbs = (
        turn(24, 112, 232, oval(112, 232, 26, 46, p.dark))
        + turn(-24, 288, 232, oval(288, 232, 26, 46, p.dark))
        + oval(144, 302, 38, 26, p.dark)
        + oval(256, 302, 38, 26, p.dark)
    )
    body = oval(200, 252, 84, 72, p.main) + oval(200, 262, 52, 46, p.light)
    head = (
        oval(200, 140, 88, 74, p.main)
        + oval(200, 164, 36, 28, p.light)
        + oval(200, 152, 13, 9, p.ink)
        + line("M200 160V172C190 182 184 180 180 176M200 172C210 182 216 180 220 176", p.ink, 4)
    )
    return (
        ears
        + limbs
        + body
        + head
        + circle(166, 130, 9, p.ink)
        + circle(234, 130, 9, p.ink)
        + emblem.on_paper(200, 264, 22)
        + path("M200 212L166 196V230ZM200 212L234 196V230Z", p.accent)
    )


def doll(p: Palette, emblem: Emblem) -> str:
    body = path(
        "M200 76C262 76 268 140 254 172C300 206 304 318 200 322C96 318 100 206 146 172C132 140 138 76 200 76Z", p.main
    )
    face = circle(200, 136, 42, "#fbe0c8") + path(
        "M158 132C160 96 240 96 242 132C220 124 210 112 200 104C190 112 180 124 158 132Z", "#7a4f33"
    )
    eyes = (
        circle(184, 140, 5, p.ink)
        + circle(216, 140, 5, p.ink)
        + line("M190 158C196 164 204 164 210 158", p.dark, 4)
        + circle(172, 154, 8, "#f4a79d", 0.6)
        + circle(228, 154, 8, "#f4a79d", 0.6)
    )
    return (
        body
        + path("M142 184C170 200 230 200 258 184L250 200C230 212 170 212 150 200Z", p.accent)
        + oval(200, 258, 52, 54, p.light)
        + face
        + eyes
        + emblem.on_paper(200, 258, 34)
    )


def train(p: Palette, emblem: Emblem) -> str:
    engine = (
        rect(88, 196, 150, 80, p.main, 16)
        + rect(218, 128, 92, 148, p.dark, 10)
        + rect(236, 148, 56, 50, "#fffaf0", 6)
        + rect(206, 112, 116, 22, p.accent, 10)
    )
    funnel = (
        path("M116 200V150H108V132H160V150H152V200Z", p.ink)
        + circle(138, 104, 16, p.light)
        + circle(166, 80, 22, p.light, 0.8)
        + circle(204, 62, 14, p.light, 0.6)
    )
    wheels = "".join(
        circle(x, 288, r, p.ink) + circle(x, 288, r * 0.55, p.accent) for x, r in ((128, 32), (196, 32), (272, 36))
    )
    return funnel + engine + rect(72, 268, 252, 14, p.ink, 6) + wheels + emblem(166, 234, 22)


def skittles(p: Palette, emblem: Emblem) -> str:
    def pin(x: float, y: float, colour: str) -> str:
        put = emblem.on_paper if colour == p.light else emblem
        body = path(
            f"M{x} {y}c26 0 30 32 18 52c-8 16 22 40 22 92c0 26-14 "
            "40-40 40s-40-14-40-40c0-52 30-76 22-92c-12-20-8-52 18-52Z",
            colour,
        )
        return (
            body
            + rect(x - 19, y + 50, 38, 11, p.accent, 5)
            + put(x, y + 132, 17)
            + oval(x - 10, y + 22, 5, 11, "#fff", 0.5)
        )

    return (
        pin(138, 92, p.light)
        + pin(262, 92, p.dark)
        + pin(200, 126, p.main)
        + circle(298, 296, 30, p.accent)
        + oval(288, 284, 8, 5, "#fff", 0.5)
    )


def spinning_top(p: Palette, emblem: Emblem) -> str:
    toy = (
        rect(190, 74, 20, 70, "#a67f4e", 8)
        + circle(200, 76, 17, p.accent)
        + path("M84 172C84 128 316 128 316 172C316 232 240 262 212 318H188C160 262 84 232 84 172Z", p.main)
        + path(
            "M84 172C84 196 316 196 316 172C316 186 312 198 304 208C260 226 140 226 96 208C88 198 84 186 84 172Z",
            p.accent,
        )
        + oval(200, 166, 110, 20, p.light, 0.7)
    )
    return turn(9, 200, 318, toy + emblem(200, 246, 20)) + line(
        "M70 262C62 282 72 298 88 306M330 252C344 272 338 294 322 304", p.dark, 6, 0.4
    )


def kite(p: Palette, emblem: Emblem) -> str:
    tail = line("M176 270C140 296 230 300 196 326C170 346 130 330 104 344", p.main, 5)
    bows = "".join(
        turn(a, x, y, path(f"M{x} {y}l-18-11v22ZM{x} {y}l18-11v22Z", p.accent))
        for x, y, a in ((186, 296, 30), (150, 336, -20))
    )
    shape = (
        path("M220 58L310 150 176 276 108 132Z", p.main)
        + path("M220 58L310 150 190 158Z", p.light)
        + path("M190 158L176 276 108 132Z", p.dark)
    )
    return tail + bows + shape + line("M220 58L176 276M108 132L310 150", "#fff", 4, 0.6) + emblem(234, 196, 18)


def blocks(p: Palette, emblem: Emblem) -> str:
    def cube(x: float, y: float, colour: str) -> str:
        return (
            rect(x, y, 104, 104, colour, 12)
            + rect(x + 12, y + 12, 80, 80, "#fffaf0", 8, 0.9)
            + emblem.on_paper(x + 52, y + 52, 28)
        )

    return cube(90, 218, p.main) + cube(206, 218, p.accent) + turn(-6, 200, 160, cube(146, 108, p.dark))
