"""Soft things, and things to wear."""

from headwater_shop.seed.svg import Emblem, Palette, circle, each, line, oval, path, rect, turn


def bag(p: Palette, emblem: Emblem) -> str:
    back = line("M156 150C156 70 244 70 244 150", p.dark, 13)
    body = path("M104 144H296L312 300C313 314 304 322 292 322H108C96 322 87 314 88 300Z", p.main)
    hem = path("M104 144H296L298 168H102Z", p.dark)
    front = line("M150 160C150 88 250 88 250 160", p.accent, 13)
    pins = circle(150, 160, 8, p.ink) + circle(250, 160, 8, p.ink)
    prints = (
        emblem(200, 240, 48) + emblem(126, 206, 13) + emblem(274, 206, 13) + emblem(120, 288, 13) + emblem(280, 288, 13)
    )
    return back + body + hem + front + pins + prints


def purse(p: Palette, emblem: Emblem) -> str:
    body = path("M118 170C70 220 84 318 200 318S330 220 282 170Z", p.main)
    shine = path("M122 190C92 228 98 284 138 302C116 266 118 226 142 190Z", "#fff", 0.2)
    frame = line("M116 172C130 122 270 122 284 172Z", "#d9b45c", 13) + path("M116 172C130 122 270 122 284 172Z", p.dark)
    clasp = circle(190, 124, 13, "#e9c873") + circle(212, 124, 13, "#d9b45c")
    return body + shine + frame + clasp + emblem(200, 242, 46)


def cushion(p: Palette, emblem: Emblem) -> str:
    shape = (
        "M92 96C140 112 260 112 308 96C318 92 326 100 322 110C306 160 "
        "306 250 322 300C326 310 318 318 308 314C260 298 140 298 92 314"
        "C82 318 74 310 78 300C94 250 94 160 78 110C74 100 82 92 92 96Z"
    )
    corners = each(lambda x, y: emblem(x, y, 15), ((132, 150), (268, 150), (132, 262), (268, 262)))
    fold = path(
        "M92 314C140 298 260 298 308 314C318 318 326 310 322 300C316 282 312 262 310 240C290 276 150 290 92 314Z",
        p.dark,
        0.3,
    )
    return path(shape, p.main) + fold + line(shape, p.light, 5, 0.8) + emblem(200, 205, 52) + corners


def blanket(p: Palette, emblem: Emblem) -> str:
    layers = "".join(rect(84, y, 232, 48, c, 22) for y, c in ((274, p.dark), (230, p.main), (186, p.light)))
    top = path(
        "M84 188C84 152 110 140 140 140H270C300 140 316 156 316 "
        "176V214C316 190 290 190 270 190H128C104 190 84 200 84 188Z",
        p.main,
    )
    drape = path("M150 140H258V286H150Z", p.main) + path("M150 140H166V286H150ZM242 140H258V286H242Z", p.accent)
    fringe = line("M156 290V308M176 290V308M196 290V308M216 290V308M236 290V308M252 290V308", p.dark, 6)
    return layers + top + drape + fringe + emblem(204, 186, 26) + emblem(204, 248, 26)


def towel(p: Palette, emblem: Emblem) -> str:
    rail = line("M72 106H328", p.ink, 9) + circle(72, 106, 12, p.ink) + circle(328, 106, 12, p.ink)
    cloth = path("M122 100H278C284 100 288 104 288 110V312H112V110C112 104 116 100 122 100Z", p.main)
    back = path("M124 312H276V324H124Z", p.dark)
    bands = (
        rect(112, 258, 176, 12, p.accent)
        + rect(112, 280, 176, 8, "#fff", 0, 0.8)
        + rect(112, 128, 176, 6, "#fff", 0, 0.5)
    )
    return rail + back + cloth + bands + emblem(200, 196, 50)


def apron(p: Palette, emblem: Emblem) -> str:
    straps = line("M160 112C154 56 246 56 240 112", p.dark, 10) + line(
        "M116 214C80 214 76 240 64 246M284 214C320 214 324 240 336 246", p.dark, 10
    )
    body = path(
        "M154 108H246C248 160 262 190 292 206V306C292 316 286 322 276 "
        "322H124C114 322 108 316 108 306V206C138 190 152 160 154 108Z",
        p.main,
    )
    pocket = path("M148 236H252V284C252 294 246 298 238 298H162C154 298 148 294 148 284Z", p.light) + rect(
        148, 232, 104, 12, p.accent, 5
    )
    return straps + body + pocket + emblem(200, 164, 30) + emblem.on_paper(200, 272, 17)


def glove(p: Palette, emblem: Emblem) -> str:
    thumb = path("M118 250C92 236 82 186 108 182C130 180 132 214 146 220Z", p.dark)
    hand = path("M136 282V140C136 84 268 84 268 140V282Z", p.main)
    cuff = rect(124, 272, 156, 48, p.accent, 14) + line(
        "M146 284V308M170 284V308M194 284V308M218 284V308M242 284V308M262 284V308", "#fff", 5, 0.6
    )
    return turn(8, 200, 200, thumb + hand + cuff + emblem(202, 176, 46))


def hot_water_bottle(p: Palette, emblem: Emblem) -> str:
    neck = rect(172, 72, 56, 22, p.ink, 8) + path(
        "M180 92H220C220 116 226 122 236 130H164C174 122 180 116 180 92Z", p.dark
    )
    body = rect(112, 126, 176, 196, p.main, 52)
    knit = each(
        lambda x, y: line(f"M{x} {y}l8 8 8-8", p.light, 4, 0.55),
        [(x, y) for y in (158, 286) for x in range(140, 256, 22)],
    )
    return neck + body + knit + emblem(200, 226, 50) + rect(160, 116, 80, 16, p.accent, 8)


def scarf(p: Palette, emblem: Emblem) -> str:
    left = path("M150 150L214 166 176 318H92Z", p.dark) + line("M112 270L192 276M122 240L198 246", p.light, 11)
    right = path("M186 166L250 150 308 318H224Z", p.main) + line("M212 276L290 270M204 246L280 240", p.light, 11)
    loop = path("M104 136C104 76 296 76 296 136C296 196 104 196 104 136Z", p.main) + oval(200, 122, 56, 20, p.dark)
    fringe = line("M96 318V334M116 318V334M136 318V334M156 318V334M174 318V334", p.dark, 6)
    fringe += line("M228 318V334M248 318V334M268 318V334M288 318V334M304 318V334", p.main, 6)
    return left + right + fringe + loop + emblem(140, 148, 14) + emblem(200, 164, 14) + emblem(260, 148, 14)


def doormat(p: Palette, emblem: Emblem) -> str:
    mat = path("M92 152H308L346 300H54Z", p.dark) + path("M92 146H308L346 294H54Z", "#c8a06c")
    border = line("M108 164H292L320 278H80Z", p.main, 9)
    bristles = each(
        lambda x, y: line(f"M{x} {y}v5", "#a67f4e", 4), [(x, y) for y in (182, 262) for x in range(122, 290, 26)]
    )
    return mat + border + bristles + emblem.on_paper(200, 224, 42)


def umbrella(p: Palette, emblem: Emblem) -> str:
    pole = line("M200 100V290C200 326 250 326 250 292", p.ink, 11) + line("M200 62V84", p.ink, 9)
    dome = path(
        "M60 204C60 36 340 36 340 204C324 180 288 180 270 204C254 180 "
        "218 180 200 204C182 180 146 180 130 204C112 180 76 180 60 204Z",
        p.main,
    )
    panels = path(
        "M200 78C156 110 132 150 130 204C146 180 182 180 200 204C218 180 254 180 270 204C268 150 244 110 200 78Z",
        p.light,
        0.55,
    )
    return pole + dome + panels + emblem.on_paper(200, 142, 26) + emblem(106, 160, 14) + emblem(294, 160, 14)


def necklace(p: Palette, emblem: Emblem) -> str:
    chain = (
        '<path d="M98 92C98 240 162 262 200 268C238 262 302 240 302 92" fill="none" '
        'stroke="#d9b45c" stroke-width="7" stroke-dasharray="1 11" stroke-linecap="round"/>'
    )
    beads = each(
        lambda x, y: circle(x, y, 11, p.main) + circle(x - 3, y - 4, 3, "#fff", 0.7),
        ((132, 212), (156, 240), (244, 240), (268, 212)),
    )
    return (
        chain + beads + circle(200, 284, 38, "#d9b45c") + circle(200, 284, 31, p.light) + emblem.on_paper(200, 284, 23)
    )


def earrings(p: Palette, emblem: Emblem) -> str:
    def drop(x: float) -> str:
        hook = line(f"M{x} 158C{x} 110 {x - 34} 100 {x - 34} 134", "#d9b45c", 6) + circle(x, 166, 9, "#d9b45c")
        gem = path(f"M{x} 176C{x + 52} 246 {x + 38} 298 {x} 298S{x - 52} 246 {x} 176Z", p.main)
        return hook + gem + oval(x - 16, 252, 6, 18, "#fff", 0.5) + emblem(x, 258, 17)

    return drop(146) + drop(262)


def ring(p: Palette, emblem: Emblem) -> str:
    band = '<circle cx="200" cy="240" r="74" fill="none" stroke="#d9b45c" stroke-width="20"/>' + line(
        "M140 212C150 190 168 178 184 174", "#f3dc9c", 6
    )
    gem = (
        path("M154 116L172 88H228L246 116 200 172Z", p.main)
        + path("M154 116H246L200 172Z", p.dark, 0.45)
        + path("M172 88L184 116 200 88 216 116 228 88Z", "#fff", 0.5)
    )
    return band + gem
