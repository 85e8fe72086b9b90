const assert = require("assert");
const port = Number(process.argv[2]);
async function redis(options) {
    const { createClient } = require("redis");
    const client = createClient({ socket: { port, host: "127.0.0.1" }, ...options });
    client.on("error", error => { throw error; });
    await client.connect();
    assert.strictEqual(await client.ping(), "PONG");
    await client.flushAll();
    assert.strictEqual(await client.get("a"), null);
    assert.strictEqual(await client.set("a", "1"), "OK");
    assert.deepStrictEqual(await client.mGet(["a", "x"]), ["1", null]);
    assert.deepStrictEqual({ ...await client.configGet("save") }, { save: "" });
    assert.strictEqual(await client.incrBy("n", 5), 5);
    await client.close();
}
async function ioredis() {
    const Redis = require("ioredis");
    const client = new Redis(port, "127.0.0.1");
    assert.strictEqual(await client.ping(), "PONG");
    assert.strictEqual(await client.get("nothing"), null);
    assert.strictEqual(await client.set("a", "1"), "OK");
    assert.deepStrictEqual(await client.mget("a", "x"), ["1", null]);
    await client.quit();
}
(async () => {
    for (const options of [{}, { RESP: 2 }, { RESP: 3, name: "me" }]) await redis(options);
    await ioredis();
    console.log("all is well");
})().catch(error => { console.error(error); process.exit(1); });
