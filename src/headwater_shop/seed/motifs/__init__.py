"""The motifs: one function draws one kind of thing. WORDS says which words in a product's name ask for it."""

from headwater_shop.seed.svg import Motif

from . import cloth, decor, home, light, paper, play, table

# Things first: what a thing *is* decides before what is printed on it.
THINGS: dict[str, Motif] = {
    word: motif
    for words, motif in (
        ("mug beaker tumbler", table.mug),
        ("teacup cup saucer cups", table.teacup),
        ("espresso", table.espresso),
        ("teapot kettle cafetiere", table.teapot),
        ("jug pitcher creamer", table.jug),
        ("bowl dish bowls ramekin colander pudding", table.bowl),
        ("plate platter coaster saucers plates coasters trivet", table.plate),
        ("jar pot canister jars container", table.jar),
        ("bottle decanter flask soap lotion bottles", table.bottle),
        ("tin tins caddy plasters sugar coffee bread bin", table.tin),
        ("cake cakestand bun cupcake baking cases jelly mould cookie gingerbread", table.cake),
        ("cutlery spoon fork knife spoons whisk spatula chopsticks scoop", table.cutlery),
        ("board rolling", table.board),
        ("tray placemat", table.tray),
        ("egg eggcup", table.eggcup),
        ("lantern lanterns", light.lantern),
        ("candle candles incense", light.candle),
        ("tealight tlight nightlight votive", light.tealight),
        ("candlestick candleholder candelabra", light.candlestick),
        ("lights light chandelier", light.string_lights),
        ("lamp lampshade", light.lamp),
        ("bag bags handbag tote shopper satchel rucksack sack lunchbag", cloth.bag),
        ("purse clutch wallet case holdall washbag luggage passport", cloth.purse),
        ("cushion pillow pincushion cushions cover", cloth.cushion),
        ("throw blanket quilt", cloth.blanket),
        ("towel towels cloth tablecloth curtain flannel", cloth.towel),
        ("apron pinafore dress tunic", cloth.apron),
        ("glove mitt gloves mittens warmer warmers", cloth.glove),
        ("hottie", cloth.hot_water_bottle),
        ("scarf shawl", cloth.scarf),
        ("doormat mat rug", cloth.doormat),
        ("umbrella parasol parasols", cloth.umbrella),
        ("necklace pendant chain bracelet bangle beads", cloth.necklace),
        ("earrings earring", cloth.earrings),
        ("ring", cloth.ring),
        ("card cards invitation postcard", paper.card),
        ("notebook journal diary notepad planner memo sketchbook pad", paper.notebook),
        ("pencil pencils pen pens crayons chalk", paper.pencils),
        ("gift present giftbox", paper.gift),
        ("wrap ribbon ribbons tape paper tissue tissues napkins napkin doilies", paper.wrap),
        ("tag tags label labels magnet magnets", paper.tag),
        ("sign plaque block letter letters chalkboard blackboard number", paper.sign),
        ("book cookbook album recipe", paper.book),
        ("sticker stickers tattoos stamps transfers", paper.stickers),
        ("postage parcel carriage amazon dotcom samples manual", paper.parcel),
        ("puzzle jigsaw game ludo dominoes", paper.puzzle),
        ("clock alarm", home.clock),
        ("wallclock watch", home.wall_clock),
        ("frame picture photo print frames", home.frame),
        ("mirror", home.mirror),
        ("box boxes tidy trunk chest treasure", home.box),
        ("basket hamper wicker crate", home.basket),
        ("drawer drawers cabinet cupboard", home.drawer),
        ("knob doorknob handle", home.knob),
        ("hook hooks hanger rack peg", home.hook),
        ("keyring key charm keyrings", home.key),
        ("vase bouquet posy", home.vase),
        ("planter plant flowerpot herb grow seeds", home.plant),
        ("watering", home.watering_can),
        ("birdhouse nest feeder house cottage", home.birdhouse),
        ("bunting garland flags", decor.garland),
        ("wreath", decor.wreath),
        ("bauble baubles ornament decoration decorations", decor.bauble),
        ("teddy bear plush toy rabbit", play.teddy),
        ("doll dolly russian dollies girl", play.doll),
        ("train car tractor", play.train),
        ("skittles soldier", play.skittles),
        ("spinning top tops", play.spinning_top),
        ("kite", play.kite),
        ("blocks bricks toys", play.blocks),
    )
    for word in words.split()
}

# Else the ornament in the name is the picture.
ORNAMENTS: dict[str, Motif] = {
    word: motif
    for words, motif in (
        ("tree christmas", decor.tree),
        ("party", decor.garland),
        ("heart hearts love", decor.heart),
        ("star stars", decor.star),
        ("bird birds robin owl hen duck dove birdcage", decor.bird),
        ("flower rose daisy poppy lily sunflower flowers roses", decor.flower),
        ("butterfly butterflies fairy", decor.butterfly),
    )
    for word in words.split()
}

# Two words that mean another thing together than the second one alone.
PAIRS: dict[tuple[str, str], Motif] = {
    ("hot", "water"): cloth.hot_water_bottle,
    ("wall", "clock"): home.wall_clock,
    ("watering", "can"): home.watering_can,
    ("bird", "house"): home.birdhouse,
    ("bird", "feeder"): home.birdhouse,
    ("plant", "pot"): home.plant,
    ("flower", "pot"): home.plant,
    ("cake", "tin"): table.tin,
    ("t", "light"): light.tealight,
    ("night", "light"): light.tealight,
    ("egg", "cup"): table.eggcup,
    ("espresso", "cup"): table.espresso,
    ("espresso", "cups"): table.espresso,
    ("tea", "towel"): cloth.towel,
    ("tea", "towels"): cloth.towel,
    ("paper", "chain"): decor.garland,
    ("paper", "lantern"): light.lantern,
    ("flying", "ducks"): decor.bird,
    ("oven", "glove"): cloth.glove,
    ("rolling", "pin"): table.board,
    ("gift", "tags"): paper.tag,
    ("gift", "tag"): paper.tag,
    ("gift", "wrap"): paper.wrap,
    ("key", "ring"): home.key,
    ("hair", "ring"): cloth.ring,
}

# The picture for a name in which no word is known.
ABSTRACT: Motif = decor.pattern
