import sys, redis
port = int(sys.argv[1])
for options in [{}, {"protocol": 2}, {"protocol": 3}, {"client_name": "me", "decode_responses": True}]:
    client = redis.Redis(port=port, **options)
    assert client.ping() is True
    assert client.flushall() is True
    assert client.get("a") is None
    assert client.set("a", "1") is True
    assert client.get("a") in (b"1", "1")
    assert client.set("a", "2", nx=True) is None
    assert client.incr("n", 5) == 5
    assert client.mget("a", "x") in ([b"1", None], ["1", None])
    assert client.config_get("save") in ({"save": ""}, {b"save": b""}), client.config_get("save")
    assert client.info("server")["redis_mode"] == "standalone"
    assert len(list(client.scan_iter())) == 2
    assert client.client_id() > 0
    assert client.client_getname() == ("me" if "client_name" in options else None)
    with client.pipeline(transaction=False) as pipeline:
        assert pipeline.set("b", "x").get("b").delete("b").execute()[2] == 1
    client.close()
print("all is well")
