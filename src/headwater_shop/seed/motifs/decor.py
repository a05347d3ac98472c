"""Decorations, and a pattern for what nothing else fits."""

from headwater_shop.seed.svg import Emblem, Palette, circle, each, line, oval, path, rect, turn


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
    inner = "".join(
        turn(a, 200, 206, path("M200 92C186 106 186 124 200 138C214 124 214 106 200 92Z", "#8fb886"))
        for a in range(0, 360, 24)
    )
    berries = "".join(turn(a, 200, 206, circle(200, 110, 9, p.accent)) for a in range(30, 360, 60))
    bow = (
        path("M200 302C160 274 138 290 142 306S170 330 200 302C240 274 262 290 258 306S230 330 200 302Z", p.main)
        + line("M196 304L180 340M204 304L220 340", p.main, 12)
        + circle(200, 303, 12, p.dark)
    )
    return outer + inner + berries + bow


def bauble(p: Palette, emblem: Emblem) -> str:
    hook = line("M200 94C176 70 200 44 212 62", p.ink, 6) + rect(180, 90, 40, 28, "#e3bd62", 6)
    ball = circle(200, 218, 104, p.main)
    band = path(
        "M99 194C150 214 250 214 301 194C305 210 305 226 301 242C250 262 150 262 99 242C95 226 95 210 99 194Z",
        p.dark,
        0.55,
    )
    edge = line("M99 194C150 214 250 214 301 194M99 242C150 262 250 262 301 242", p.light, 5)
    prints = emblem(200, 232, 19) + emblem(144, 226, 15) + emblem(256, 226, 15)
    return hook + ball + band + edge + prints + turn(-38, 146, 152, oval(146, 152, 26, 12, "#fff", 0.5))


def tree(p: Palette, emblem: Emblem) -> str:
    trunk = rect(184, 286, 32, 38, "#a67f4e", 4)
    tiers = (
        path("M200 158L300 296H100Z", "#4f8361")
        + path("M200 108L282 224H118Z", "#5d9670")
        + path("M200 64L262 152H138Z", "#6faa80")
    )
    balls = "".join(
        circle(x, y, 10, c)
        for x, y, c in (
            (172, 138, p.accent),
            (226, 140, p.main),
            (150, 212, p.main),
            (206, 196, p.accent),
            (250, 212, p.light),
            (136, 282, p.accent),
            (188, 268, p.light),
            (240, 274, p.main),
        )
    )
    star = path("M200 34l8 18 20 2-15 13 4 20-17-10-17 10 4-20-15-13 20-2Z", "#f2c14e")
    return trunk + tiers + balls + star


def heart(p: Palette, emblem: Emblem) -> str:
    shape = "M200 312C80 240 66 140 122 116C160 100 190 124 200 150C210 124 240 100 278 116C334 140 320 240 200 312Z"
    ribbon = line("M200 148C176 110 190 60 200 56C210 60 224 110 200 148", p.accent, 8)
    stitches = (
        '<path d="M200 292C100 228 90 152 130 134C160 122 186 142 200 '
        '176C214 142 240 122 270 134C310 152 300 228 200 292Z" '
        f'fill="none" stroke="{p.light}" stroke-width="5" stroke-dasharray="12 9"/>'
    )
    return ribbon + path(shape, p.main) + stitches + emblem(200, 212, 34)


def star(p: Palette, emblem: Emblem) -> str:
    points = "M200 84L236 164 322 172 257 229 276 314 200 269 124 314 143 229 78 172 164 164Z"
    facets = path(
        "M200 84L236 164 200 210ZM322 172L257 229 200 210ZM276 314L200 "
        "269 200 210ZM124 314L143 229 200 210ZM78 172L164 164 200 210Z",
        p.dark,
        0.4,
    )
    return (
        line("M200 84V44", p.ink, 5)
        + line(points + "Z", p.main, 14)
        + path(points, p.main)
        + facets
        + emblem(200, 208, 24)
    )


def bird(p: Palette, emblem: Emblem) -> str:
    legs = line("M186 290V322M214 290V322M176 322H196M204 322H224", p.ink, 6)
    tail = path("M272 220L346 176 340 246 268 262Z", p.dark)
    body = path(
        "M84 176C84 118 132 96 168 108C206 120 220 164 262 178C304 196 296 296 202 296C130 296 84 240 84 176Z", p.main
    )
    belly = path("M92 206C124 200 158 232 156 288C120 274 96 244 92 206Z", p.light)
    wing = path("M170 200C220 176 268 206 276 236C244 276 180 264 170 200Z", p.dark)
    return (
        legs
        + tail
        + body
        + belly
        + wing
        + path("M86 164L50 182 88 194Z", p.accent)
        + circle(126, 158, 9, p.ink)
        + circle(129, 155, 3, "#fff")
        + emblem(222, 228, 15)
    )


def flower(p: Palette, emblem: Emblem) -> str:
    stem = line("M200 210C204 260 196 290 200 322", "#6f9a6a", 11)
    leaves = path(
        "M200 300C150 300 130 270 126 250C164 248 194 268 200 300Z"
        "M202 286C246 284 262 260 266 242C232 242 206 258 202 286Z",
        "#8fb886",
    )
    bloom, shade = (p.accent, p.main) if p.main == "#7aa874" else (p.main, p.dark)
    petals = "".join(
        turn(a, 200, 160, oval(200, 98, 32, 46, c)) for c, s in ((shade, 30), (bloom, 0)) for a in range(s, 360, 60)
    )
    return stem + leaves + petals + circle(200, 160, 34, "#f2c14e") + circle(200, 160, 22, "#d99a2b", 0.6)


def butterfly(p: Palette, emblem: Emblem) -> str:
    wing = (
        path("M200 190C150 90 62 80 70 150C74 200 140 214 200 204Z", p.main)
        + path("M200 206C140 210 90 250 108 290C126 320 190 290 200 220Z", p.dark)
        + oval(124, 148, 24, 20, p.light)
        + circle(142, 260, 16, p.accent)
    )
    other = f'<g transform="translate(400 0) scale(-1 1)">{wing}</g>'
    body = oval(200, 210, 11, 62, p.ink) + line(
        "M198 152C186 120 170 112 160 110M202 152C214 120 230 112 240 110", p.ink, 5
    )
    return wing + other + body


def pattern(p: Palette, emblem: Emblem) -> str:
    """A folk medallion, for a thing that no other motif fits."""
    ring = "".join(
        turn(a, 200, 200, path("M200 84C176 112 176 140 200 156C224 140 224 112 200 84Z", c))
        for a, c in zip(range(0, 360, 30), (p.main, p.accent) * 6, strict=True)
    )
    beads = "".join(turn(a, 200, 200, circle(200, 76, 8, p.dark)) for a in range(15, 360, 30))
    return (
        circle(200, 200, 132, "#fffdf8")
        + ring
        + beads
        + circle(200, 200, 50, p.light)
        + emblem.on_paper(200, 200, 34)
        + each(lambda x, y: circle(x, y, 4, "#fff"), ((200, 104), (200, 296), (104, 200), (296, 200)))
    )
