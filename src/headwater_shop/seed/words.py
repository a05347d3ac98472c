"""The words that the catalogue's names are made of. A thing's number says how dear it is, beside the others."""

DESIGNS = (
    "Meadow Hare", "Harvest Moon", "Seaside Stripe", "Wild Poppy", "Strawberry Lane", "Lemon Grove", "Winter Robin",
    "Folk Flower", "Starry Midnight", "Little Fox", "Sleepy Owl", "Climbing Rose", "Spotty Red", "Duck Egg Gingham",
    "Nordic Snow", "Honey Bee", "Sailing Boat", "Fern Hollow", "Tea Rose", "Marigold", "Apple Orchard", "Bluebell Wood",
    "Farmyard Hen", "Lavender Field", "Sweetheart", "Harbour Fish", "Lilac Dove", "Mint Daisy", "Peony Blossom",
    "Olive Branch", "Plum Paisley", "Golden Star", "Cornflower Blue", "Cream Spot", "Sage Botanical", "Cherry Blossom",
)  # fmt: skip

NOUNS: dict[str, tuple[tuple[str, float], ...]] = {
    "Candles & Lanterns": (
        ("Lantern", 700), ("Glass Tealight Holder", 150), ("Pillar Candle", 290), ("Scented Candle", 420),
        ("Candlestick", 500), ("Fairy Lights", 750), ("Table Lamp", 2400),
    ),
    "Mugs & Teatime": (
        ("Enamel Mug", 395), ("Stoneware Mug", 320), ("Teacup and Saucer", 450), ("Espresso Cup", 240),
        ("Teapot", 1100), ("Milk Jug", 395), ("Cake Stand", 1250), ("Egg Cup", 110),
    ),
    "Kitchen": (
        ("Mixing Bowl", 650), ("Cake Tin", 495), ("Biscuit Tin", 375), ("Jam Jar", 85), ("Storage Jar", 325),
        ("Chopping Board", 550), ("Tea Towel", 195), ("Apron", 495), ("Oven Glove", 295), ("Recipe Book", 395),
    ),
    "Dining": (
        ("Dinner Plate", 265), ("Side Plate", 165), ("Cereal Bowl", 195), ("Serving Tray", 650), ("Cutlery Set", 850),
        ("Glass Bottle", 225), ("Coaster", 65), ("Paper Napkins", 72),
    ),
    "Cushions & Throws": (
        ("Cushion", 795), ("Linen Cushion Cover", 425), ("Knitted Throw", 1900), ("Hot Water Bottle", 450),
        ("Doormat", 750), ("Hand Towel", 325),
    ),
    "Bags & Accessories": (
        ("Jumbo Shopper Bag", 195), ("Lunch Bag", 165), ("Tote Bag", 255), ("Coin Purse", 145), ("Umbrella", 595),
        ("Winter Scarf", 675), ("Keyring", 72), ("Charm Necklace", 395), ("Drop Earrings", 225),
    ),
    "Cards & Stationery": (
        ("Greeting Card", 42), ("Notebook", 165), ("Pencil Set", 85), ("Gift Wrap", 35), ("Gift Tags", 50),
        ("Sticker Sheet", 55), ("Gift Box", 125),
    ),
    "Decorations": (
        ("Cotton Bunting", 495), ("Paper Garland", 165), ("Hanging Heart", 95), ("Wooden Star", 85), ("Bauble", 75),
        ("Door Wreath", 895), ("Felt Bird", 110),
    ),
    "Frames & Clocks": (
        ("Photo Frame", 295), ("Wall Clock", 1400), ("Alarm Clock", 375), ("Round Mirror", 1300), ("Door Sign", 145),
        ("Row of Hooks", 295), ("Drawer Knob", 125),
    ),
    "Toys & Games": (
        ("Skittles", 325), ("Spinning Top", 95), ("Wooden Train", 795), ("Teddy Bear", 850), ("Kite", 375),
        ("Jigsaw Puzzle", 225), ("Nesting Doll", 350), ("Building Blocks", 425),
    ),
    "Garden & Storage": (
        ("Plant Pot", 265), ("Watering Can", 695), ("Bird House", 550), ("Flower Vase", 395), ("Wicker Basket", 850),
        ("Keepsake Box", 395), ("Chest of Drawers", 2600),
    ),
}  # fmt: skip
