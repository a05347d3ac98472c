// load-fold: Emmett's aggregateStream on its SQLite store (WAL; synchronous FULL is its driver's default).
// One connection is kept open and shared: its best setting, as by default it opens one for every call.
// Same contract as benchmarks/contender.py; started in the folder where Emmett is installed.
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(process.cwd(), "package.json"));
const { getSQLiteEventStore, sqliteConnection } = require("@event-driven-io/emmett-sqlite");

const AGGREGATES = 1000;
const EVENTS_PER_AGGREGATE = 100;
const args = process.argv.slice(2);
const quick = args.includes("--quick");
const seconds = quick ? 0.5 : 2.0;
const fileName = join(args[args.indexOf("--dir") + 1], "events.db");

const pad = (n, digits) => String(n).padStart(digits, "0");

// The same event as event(n) of benchmarks/workload.py.
const event = (n) => ({
  item_id: `item-${pad(n, 8)}`,
  customer_id: `customer-${pad((n * 7919) % 5000, 5)}`,
  sku: `SKU-${pad((n * 31) % 4000, 5)}`,
  description: "Enamel teapot, hand-painted, 1.2 l",
  quantity: (n % 12) + 1,
  price_pence: ((n * 37) % 10000) + 99,
  at: `2026-01-${pad((Math.floor(n / 86400) % 28) + 1, 2)}T${pad(Math.floor(n / 3600) % 24, 2)}:${pad(Math.floor(n / 60) % 60, 2)}:${pad(n % 60, 2)}Z`,
});
const aggregate = (n) => `cart-${pad(n % AGGREGATES, 4)}`;
const farApart = (k) => (k * 617) % AGGREGATES;

const initialState = () => ({ items: 0, total: 0, last: "" });
const evolve = (cart, { data }) => ({
  items: cart.items + 1,
  total: cart.total + data.quantity * data.price_pence,
  last: data.at,
});

// Fills round-robin, one event an append (ten with --quick), in transactions of 1,000 appends: it is not measured.
async function populate(store, connection) {
  const together = quick ? 10 : 1;
  await store.streamExists(aggregate(0)); // makes the tables
  for (let turn = 0; turn < EVENTS_PER_AGGREGATE; turn += together)
    await connection.withTransaction(async () => {
      for (let n = 0; n < AGGREGATES; n++) {
        const numbers = Array.from({ length: together }, (_, i) => (turn + i) * AGGREGATES + n);
        const events = numbers.map((number) => ({ type: "item.added", data: event(number) }));
        await store.appendToStream(aggregate(n), events);
      }
    });
}

async function round(store) {
  const start = performance.now();
  let elapsed = 0;
  let k = 0;
  for (; elapsed < seconds; elapsed = (performance.now() - start) / 1000, k++) {
    const { state } = await store.aggregateStream(aggregate(farApart(k)), { initialState, evolve });
    if (state.items !== EVENTS_PER_AGGREGATE) throw new Error(`a cart of ${state.items} items`);
  }
  return (k * EVENTS_PER_AGGREGATE) / elapsed;
}

const connection = sqliteConnection({ fileName });
const store = getSQLiteEventStore({ fileName, connectionOptions: { singleton: true, connection } });
await populate(store, connection);
for await (const _ of createInterface({ input: process.stdin })) console.log(JSON.stringify({ value: await round(store) }));
connection.close();
