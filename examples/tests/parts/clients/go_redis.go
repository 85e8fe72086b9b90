package main

import (
	"fmt"
	"log"
	"os"

	"gopkg.in/redis.v5"
)

func must[T comparable](got T, err error, wanted T) {
	if err != nil || got != wanted {
		log.Fatalf("%v (%v) instead of %v", got, err, wanted)
	}
}

func main() {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + os.Args[1]})
	pong, err := client.Ping().Result()
	must(pong, err, "PONG")
	if err := client.FlushAll().Err(); err != nil {
		log.Fatal(err)
	}
	if _, err := client.Get("a").Result(); err != redis.Nil {
		log.Fatalf("%v instead of redis.Nil", err)
	}
	stored, err := client.Set("a", "1", 0).Result()
	must(stored, err, "OK")
	value, err := client.Get("a").Result()
	must(value, err, "1")
	isNew, err := client.SetNX("a", "2", 0).Result()
	must(isNew, err, false)
	sum, err := client.IncrBy("n", 5).Result()
	must(sum, err, 5)
	values, err := client.MGet("a", "x").Result()
	must(fmt.Sprint(values), err, "[1 <nil>]")
	keys, cursor, err := client.Scan(0, "*", 100).Result()
	must(len(keys), err, 2)
	must(cursor, err, 0)
	answers, err := client.Pipelined(func(pipe *redis.Pipeline) error {
		pipe.Set("b", "x", 0)
		pipe.Del("b")
		return nil
	})
	must(len(answers), err, 2)
	must(answers[1].(*redis.IntCmd).Val(), nil, 1)
	if err := client.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("all is well")
}
