"""Toys and decorations, and a pattern for what nothing else fits."""

from ..svg import Emblem, Palette, circle, each, line, oval, path, rect, turn


def garland(p: Palette, emblem: Emblem) -> str:
    colours = (p.main, p.accent, p.light, p.dark)

    def row(y: float, shift: int) -> str:
        flags = "".join(
            path(f"M{x} {y + d}L{x + 52} {y + d + 3}L{x + 26} {y + d + 70}Z", colours[(i + shift) % 4])
            + (emblem.on_paper if (i + shift) % 4 == 2 else emblem)(x + 26, y + d + 23, 10)
            for i, (x, d) in enumerate(((44, 8), (108, 24), (174, 28), (240, 22), (304, 4)))
        )  # fmt: skip
        return line(f"M30 {y - 4}C130 {y + 40} 270 {y + 40} 370 {y - 10}", p.ink, 5) + flags

    return row(88, 0) + row(206, 2)


def wreath(p: Palette, emblem: Emblem) -> str:
    leaf = path("M200 74C180 94 180 118 200 132C220 118 220 94 200 74Z", "#6f9a6a")
    outer = "".join(turn(a + 18, 200, 206, leaf) for a in range(0, 360, 24))
    inner = "".join(turn(a, 200, 206, path("M200 92C186 106 186 124 200 138C214 124 214 106 200 92Z", "#8fb886")) for a in range(0, 360, 24))
    berries = "".join(turn(a, 200, 206, circle(200, 110, 9, p.accent)) for a in range(30, 360, 60))
    bow = path("M200 302C160 274 138 290 142 306S170 330 200 302C240 274 262 290 258 306S230 330 200 302Z", p.main) + line("M196 304L180 340M204 304L220 340", p.main, 12) + circle(200, 303, 12, p.dark)
    return outer + inner + berries + bow


def bauble(p: Palette, emblem: Emblem) -> str:
    hook = line("M200 94C176 70 200 44 212 62", p.ink, 6) + rect(180, 90, 40, 28, "#e3bd62", 6)
    ball = circle(200, 218, 104, p.main)
    band = path("M99 194C150 214 250 214 301 194C305 210 305 226 301 242C250 262 150 262 99 242C95 226 95 210 99 194Z", p.dark, 0.55)
    edge = line("M99 194C150 214 250 214 301 194M99 242C150 262 250 262 301 242", p.light, 5)
    prints = emblem(200, 232, 19) + emblem(144, 226, 15) + emblem(256, 226, 15)
    return hook + ball + band + edge + prints + turn(-38, 146, 152, oval(146, 152, 26, 12, "#fff", 0.5))


def tree(p: Palette, emblem: Emblem) -> str:
    trunk = rect(184, 286, 32, 38, "#a67f4e", 4)
    tiers = path("M200 158L300 296H100Z", "#4f8361") + path("M200 108L282 224H118Z", "#5d9670") + path("M200 64L262 152H138Z", "#6faa80")
    balls = "".join(circle(x, y, 10, c) for x, y, c in ((172, 138, p.accent), (226, 140, p.main), (150, 212, p.main), (206, 196, p.accent), (250, 212, p.light), (136, 282, p.accent), (188, 268, p.light), (240, 274, p.main)))
    star = path("M200 34l8 18 20 2-15 13 4 20-17-10-17 10 4-20-15-13 20-2Z", "#f2c14e")
    return trunk + tiers + balls + star


def heart(p: Palette, emblem: Emblem) -> str:
    shape = "M200 312C80 240 66 140 122 116C160 100 190 124 200 150C210 124 240 100 278 116C334 140 320 240 200 312Z"
    ribbon = line("M200 148C176 110 190 60 200 56C210 60 224 110 200 148", p.accent, 8)
    stitches = f'<path d="M200 292C100 228 90 152 130 134C160 122 186 142 200 176C214 142 240 122 270 134C310 152 300 228 200 292Z" fill="none" stroke="{p.light}" stroke-width="5" stroke-dasharray="12 9"/>'
    return ribbon + path(shape, p.main) + stitches + emblem(200, 212, 34)


def star(p: Palette, emblem: Emblem) -> str:
    points = "M200 84L236 164 322 172 257 229 276 314 200 269 124 314 143 229 78 172 164 164Z"
    facets = path("M200 84L236 164 200 210ZM322 172L257 229 200 210ZM276 314L200 269 200 210ZM124 314L143 229 200 210ZM78 172L164 164 200 210Z", p.dark, 0.4)
    return line("M200 84V44", p.ink, 5) + line(points + "Z", p.main, 14) + path(points, p.main) + facets + emblem(200, 208, 24)


def bird(p: Palette, emblem: Emblem) -> str:
    legs = line("M186 290V322M214 290V322M176 322H196M204 322H224", p.ink, 6)
    tail = path("M272 220L346 176 340 246 268 262Z", p.dark)
    body = path("M84 176C84 118 132 96 168 108C206 120 220 164 262 178C304 196 296 296 202 296C130 296 84 240 84 176Z", p.main)
    belly = path("M92 206C124 200 158 232 156 288C120 274 96 244 92 206Z", p.light)
    wing = path("M170 200C220 176 268 206 276 236C244 276 180 264 170 200Z", p.dark)
    return legs + tail + body + belly + wing + path("M86 164L50 182 88 194Z", p.accent) + circle(126, 158, 9, p.ink) + circle(129, 155, 3, "#fff") + emblem(222, 228, 15)


def flower(p: Palette, emblem: Emblem) -> str:
    stem = line("M200 210C204 260 196 290 200 322", "#6f9a6a", 11)
    leaves = path("M200 300C150 300 130 270 126 250C164 248 194 268 200 300ZM202 286C246 284 262 260 266 242C232 242 206 258 202 286Z", "#8fb886")
    petals = "".join(turn(a, 200, 160, oval(200, 98, 32, 46, c)) for c, s in ((p.dark, 30), (p.main, 0)) for a in range(s, 360, 60))
    return stem + leaves + petals + circle(200, 160, 34, "#f2c14e") + circle(200, 160, 22, "#d99a2b", 0.6)


def butterfly(p: Palette, emblem: Emblem) -> str:
    wing = path("M200 190C150 90 62 80 70 150C74 200 140 214 200 204Z", p.main) + path("M200 206C140 210 90 250 108 290C126 320 190 290 200 220Z", p.dark) + oval(124, 148, 24, 20, p.light) + circle(142, 260, 16, p.accent)
    other = f'<g transform="translate(400 0) scale(-1 1)">{wing}</g>'
    body = oval(200, 210, 11, 62, p.ink) + line("M198 152C186 120 170 112 160 110M202 152C214 120 230 112 240 110", p.ink, 5)
    return wing + other + body


def teddy(p: Palette, emblem: Emblem) -> str:
    ears = circle(140, 96, 30, p.main) + circle(260, 96, 30, p.main) + circle(140, 96, 16, p.light) + circle(260, 96, 16, p.light)
    limbs = turn(24, 112, 232, oval(112, 232, 26, 46, p.dark)) + turn(-24, 288, 232, oval(288, 232, 26, 46, p.dark)) + oval(144, 302, 38, 26, p.dark) + oval(256, 302, 38, 26, p.dark)
    body = oval(200, 252, 84, 72, p.main) + oval(200, 262, 52, 46, p.light)
    head = oval(200, 140, 88, 74, p.main) + oval(200, 164, 36, 28, p.light) + oval(200, 152, 13, 9, p.ink) + line("M200 160V172C190 182 184 180 180 176M200 172C210 182 216 180 220 176", p.ink, 4)
    return ears + limbs + body + head + circle(166, 130, 9, p.ink) + circle(234, 130, 9, p.ink) + emblem.on_paper(200, 264, 22) + path("M200 212L166 196V230ZM200 212L234 196V230Z", p.accent)


def doll(p: Palette, emblem: Emblem) -> str:
    body = path("M200 76C262 76 268 140 254 172C300 206 304 318 200 322C96 318 100 206 146 172C132 140 138 76 200 76Z", p.main)
    face = circle(200, 136, 42, "#fbe0c8") + path("M158 132C160 96 240 96 242 132C220 124 210 112 200 104C190 112 180 124 158 132Z", "#7a4f33")
    eyes = circle(184, 140, 5, p.ink) + circle(216, 140, 5, p.ink) + line("M190 158C196 164 204 164 210 158", p.dark, 4) + circle(172, 154, 8, "#f4a79d", 0.6) + circle(228, 154, 8, "#f4a79d", 0.6)
    return body + path("M142 184C170 200 230 200 258 184L250 200C230 212 170 212 150 200Z", p.accent) + oval(200, 258, 52, 54, p.light) + face + eyes + emblem.on_paper(200, 258, 34)


def train(p: Palette, emblem: Emblem) -> str:
    engine = rect(88, 196, 150, 80, p.main, 16) + rect(218, 128, 92, 148, p.dark, 10) + rect(236, 148, 56, 50, "#fffaf0", 6) + rect(206, 112, 116, 22, p.accent, 10)
    funnel = path("M116 200V150H108V132H160V150H152V200Z", p.ink) + circle(138, 104, 16, p.light) + circle(166, 80, 22, p.light, 0.8) + circle(204, 62, 14, p.light, 0.6)
    wheels = "".join(circle(x, 288, r, p.ink) + circle(x, 288, r * 0.55, p.accent) for x, r in ((128, 32), (196, 32), (272, 36)))
    return funnel + engine + rect(72, 268, 252, 14, p.ink, 6) + wheels + emblem(166, 234, 22)


def skittles(p: Palette, emblem: Emblem) -> str:
    def pin(x: float, y: float, colour: str) -> str:
        put = emblem.on_paper if colour == p.light else emblem
        body = path(f"M{x} {y}c26 0 30 32 18 52c-8 16 22 40 22 92c0 26-14 40-40 40s-40-14-40-40c0-52 30-76 22-92c-12-20-8-52 18-52Z", colour)
        return body + rect(x - 19, y + 50, 38, 11, p.accent, 5) + put(x, y + 132, 17) + oval(x - 10, y + 22, 5, 11, "#fff", 0.5)

    return pin(138, 92, p.light) + pin(262, 92, p.dark) + pin(200, 126, p.main) + circle(298, 296, 30, p.accent) + oval(288, 284, 8, 5, "#fff", 0.5)


def spinning_top(p: Palette, emblem: Emblem) -> str:
    toy = rect(190, 74, 20, 70, "#a67f4e", 8) + circle(200, 76, 17, p.accent) + path("M84 172C84 128 316 128 316 172C316 232 240 262 212 318H188C160 262 84 232 84 172Z", p.main) + path("M84 172C84 196 316 196 316 172C316 186 312 198 304 208C260 226 140 226 96 208C88 198 84 186 84 172Z", p.accent) + oval(200, 166, 110, 20, p.light, 0.7)
    return turn(9, 200, 318, toy + emblem(200, 246, 20)) + line("M70 262C62 282 72 298 88 306M330 252C344 272 338 294 322 304", p.dark, 6, 0.4)


def kite(p: Palette, emblem: Emblem) -> str:
    tail = line("M176 270C140 296 230 300 196 326C170 346 130 330 104 344", p.main, 5)
    bows = "".join(turn(a, x, y, path(f"M{x} {y}l-18-11v22ZM{x} {y}l18-11v22Z", p.accent)) for x, y, a in ((186, 296, 30), (150, 336, -20)))
    shape = path("M220 58L310 150 176 276 108 132Z", p.main) + path("M220 58L310 150 190 158Z", p.light) + path("M190 158L176 276 108 132Z", p.dark)
    return tail + bows + shape + line("M220 58L176 276M108 132L310 150", "#fff", 4, 0.6) + emblem(234, 196, 18)


def blocks(p: Palette, emblem: Emblem) -> str:
    def cube(x: float, y: float, colour: str) -> str:
        return rect(x, y, 104, 104, colour, 12) + rect(x + 12, y + 12, 80, 80, "#fffaf0", 8, 0.9) + emblem.on_paper(x + 52, y + 52, 28)

    return cube(90, 218, p.main) + cube(206, 218, p.accent) + turn(-6, 200, 160, cube(146, 108, p.dark))


def pattern(p: Palette, emblem: Emblem) -> str:
    """A folk medallion, for a thing that no other motif fits."""
    ring = "".join(turn(a, 200, 200, path("M200 84C176 112 176 140 200 156C224 140 224 112 200 84Z", c)) for a, c in zip(range(0, 360, 30), (p.main, p.accent) * 6, strict=True))
    beads = "".join(turn(a, 200, 200, circle(200, 76, 8, p.dark)) for a in range(15, 360, 30))
    return circle(200, 200, 132, "#fffdf8") + ring + beads + circle(200, 200, 50, p.light) + emblem.on_paper(200, 200, 34) + each(lambda x, y: circle(x, y, 4, "#fff"), ((200, 104), (200, 296), (104, 200), (296, 200)))
