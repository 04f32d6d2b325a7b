using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;

namespace LowLatency.Bench.Model;

/// <summary>A way that messages go through the engine, whole: after a cycle the broker is as it was before.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Prepare">Declares what it needs and gives one cycle of <see cref="Batch"/> messages.</param>
internal sealed record AllocationPath(string Name, Func<ModelBroker, Action> Prepare)
{
    /// <summary>Messages of a cycle.</summary>
    internal const int Batch = 64;

    private const int Keys = 8;

    private static readonly byte[] Body = new byte[100];
    private static readonly byte[][] Numbered = [.. Enumerable.Range(0, Batch).Select(i => Encoding.UTF8.GetBytes($"eu.acme.{i % Keys}"))];

    internal static IReadOnlyList<AllocationPath> All { get; } =
    [
        new("publish, deliver, acknowledge", b => Plain(b, _ => { })),
        new("several routes (fanout)", b => Exchange(b, ExchangeKind.Fanout, _ => { }, "")),
        new("direct exchange", b => Exchange(b, ExchangeKind.Direct, _ => { }, "eu.acme.3")),
        new("topic exchange", b => Exchange(b, ExchangeKind.Topic, _ => { }, "eu.*.#")),
        new("headers exchange", b => Exchange(b, ExchangeKind.Headers, table => table.Add("side", "buy"), "")),
        new("consistent-hash exchange", b => Exchange(b, ExchangeKind.ConsistentHash, _ => { }, "10")),
        new("alternate exchange", Alternate),
        new("no-ack", NoAck),
        new("get", Get),
        new("single active consumer", b => Plain(b, table => table.Add("x-single-active-consumer", true))),
        new("requeue", b => Returned(b, _ => { })),
        new("delayed redelivery", b => Returned(b, table => table.Add("x-redelivery-delay", 1))),
        new("browse", b => Watched(b, SubscribeFlags.Browse)),
        new("conflate", b => Watched(b, SubscribeFlags.Conflate)),
        new("transaction", Transaction),
        new("direct reply-to", ReplyTo),
        new("priority", b => Plain(b, table => table.Add("x-max-priority", 10), i => Headers(builder => builder.Priority((byte)(i % 11))))),
        new("time to live, not reached", b => Plain(b, table => table.Add("x-message-ttl", 3_600_000), _ => Headers(builder => builder.Expiration(1_800_000)))),
        new("time to live, expired", b => Dropped(b, _ => { }, _ => Headers(builder => builder.Expiration(1)), left: 0)),
        new("scheduled", b => Plain(b, _ => { }, _ => Headers(builder => builder.Headers.Add("x-delay", 1)))),
        new("last value per key", LastValue),
        new("drop-head", b => Dropped(b, table => table.Add("x-max-length", 10).Add("x-overflow", "drop-head"), _ => [], left: 10)),
        new("dead letter, rejected", b => DeadLetter(b, _ => { }, consumes: true, _ => [])),
        new("dead letter, expired", b => DeadLetter(b, _ => { }, consumes: false, _ => Headers(builder => builder.Expiration(1)))),
        new("dead letter, overflow", b => DeadLetter(b, table => table.Add("x-max-length", 0).Add("x-overflow", "dead-letter"), consumes: false, _ => [])),
        new("dead letter, delivery limit", b => DeadLetter(b, table => table.Add("x-delivery-limit", 0), consumes: true, _ => [], SettleKind.Requeue)),
    ];

    private static Action Plain(ModelBroker broker, Action<FieldTableWriter> arguments, Func<int, byte[]>? headers = null)
    {
        broker.DeclareQueue("queue", arguments: arguments);
        uint publication = broker.OpenPublication("", "queue");
        uint subscription = broker.Subscribe("queue", ModelBroker.Window);
        byte[][] all = HeadersOfBatch(headers);
        return () =>
        {
            PublishBatch(broker, publication, default, all);
            Take(broker, subscription);
        };
    }

    private static Action Exchange(ModelBroker broker, ExchangeKind kind, Action<FieldTableWriter> arguments, string key)
    {
        broker.DeclareExchange("exchange", kind);
        broker.DeclareQueue("queue");
        broker.DeclareQueue("other");
        broker.Bind("exchange", "queue", key, arguments);
        if (kind == ExchangeKind.Fanout)
            broker.Bind("exchange", "other", key, arguments);
        uint publication = broker.OpenPublication("exchange", "eu.acme.3");
        uint subscription = broker.Subscribe("queue", ModelBroker.Window);
        uint other = broker.Subscribe("other", ModelBroker.Window);
        byte[][] all = HeadersOfBatch(kind == ExchangeKind.Headers ? _ => Headers(builder => builder.Headers.Add("side", "buy").Add("n", 5)) : null);
        // A key of its own for each message, where that makes a difference: some are not in the cache of routes.
        byte[][]? keys = kind is ExchangeKind.Topic or ExchangeKind.ConsistentHash ? Numbered : null;
        return () =>
        {
            PublishBatch(broker, publication, keys, all);
            broker.WaitForDeliveries(kind == ExchangeKind.Fanout ? 2 * Batch : Batch);
            if (kind == ExchangeKind.Fanout)
                broker.SettleAll(other, credit: Batch);
            Take(broker, subscription);
        };
    }

    private static Action Alternate(ModelBroker broker)
    {
        broker.DeclareExchange("spare", ExchangeKind.Fanout);
        broker.DeclareExchange("exchange", ExchangeKind.Topic, arguments: table => table.Add("alternate-exchange", "spare"));
        broker.DeclareQueue("queue");
        broker.Bind("spare", "queue", "");
        uint publication = broker.OpenPublication("exchange", "eu.acme.3");
        uint subscription = broker.Subscribe("queue", ModelBroker.Window);
        byte[][] all = HeadersOfBatch(null);
        return () =>
        {
            PublishBatch(broker, publication, Numbered, all);
            Take(broker, subscription);
        };
    }

    private static Action NoAck(ModelBroker broker)
    {
        broker.DeclareQueue("queue");
        uint publication = broker.OpenPublication("", "queue");
        uint subscription = broker.Subscribe("queue", ModelBroker.Window, SubscribeFlags.NoAck);
        byte[][] all = HeadersOfBatch(null);
        return () =>
        {
            PublishBatch(broker, publication, default, all);
            broker.WaitForDeliveries(Batch);
            broker.AddCredit(subscription, Batch);
            broker.WaitForConfirms(publication);
        };
    }

    private static Action Get(ModelBroker broker)
    {
        broker.DeclareQueue("queue");
        uint publication = broker.OpenPublication("", "queue");
        uint subscription = broker.Subscribe("queue", 0);
        byte[][] all = HeadersOfBatch(null);
        return () =>
        {
            PublishBatch(broker, publication, default, all);
            broker.WaitForConfirms(publication);
            broker.Get(subscription, Batch);
            broker.WaitForDeliveries(Batch);
            broker.SettleAll(subscription);
            broker.Run();
        };
    }

    private static Action Returned(ModelBroker broker, Action<FieldTableWriter> arguments)
    {
        broker.DeclareQueue("queue", arguments: arguments);
        uint publication = broker.OpenPublication("", "queue");
        uint subscription = broker.Subscribe("queue", ModelBroker.Window);
        byte[][] all = HeadersOfBatch(null);
        return () =>
        {
            PublishBatch(broker, publication, default, all);
            broker.WaitForDeliveries(Batch);
            broker.SettleAll(subscription, SettleKind.Requeue, credit: Batch);
            broker.WaitForDeliveries(2 * Batch);
            broker.SettleAll(subscription, credit: Batch);
            broker.WaitForConfirms(publication);
            broker.Run();
        };
    }

    private static Action Watched(ModelBroker broker, SubscribeFlags flags)
    {
        broker.DeclareQueue("queue");
        uint publication = broker.OpenPublication("", "queue");
        uint watching = broker.Subscribe("queue", ModelBroker.Window, flags);
        uint subscription = broker.Subscribe("queue", 0);
        byte[][] all = HeadersOfBatch(null);
        return () =>
        {
            PublishBatch(broker, publication, default, all);
            broker.WaitForDeliveries(1);
            broker.WaitForConfirms(publication);
            broker.Run();
            long seen = broker.Delivered;
            broker.AddCredit(watching, (uint)seen);
            broker.AddCredit(subscription, Batch);
            broker.WaitForDeliveries(seen + Batch);
            broker.SettleAll(subscription);
            broker.Run();
        };
    }

    private static Action Transaction(ModelBroker broker)
    {
        broker.DeclareQueue("queue");
        uint publication = broker.OpenPublication("", "queue");
        uint subscription = broker.Subscribe("queue", ModelBroker.Window);
        return () =>
        {
            for (int i = 0; i < Batch; i++)
                broker.Publish(publication, default, default, Body, PublishFlags.InTransaction);
            broker.Commit();
            broker.WaitForDeliveries(Batch);
            broker.SettleAll(subscription, credit: Batch, flags: SettleFlags.InTransaction);
            broker.Commit();
        };
    }

    private static Action ReplyTo(ModelBroker broker)
    {
        uint subscription = broker.Subscribe("amq.rabbitmq.reply-to", ModelBroker.Window, SubscribeFlags.NoAck, "", out string address);
        uint publication = broker.OpenPublication("", address, DurabilityLevel.Memory);
        byte[][] all = HeadersOfBatch(null);
        return () =>
        {
            PublishBatch(broker, publication, default, all);
            broker.WaitForDeliveries(Batch);
            broker.AddCredit(subscription, Batch);
            broker.WaitForConfirms(publication);
        };
    }

    private static Action LastValue(ModelBroker broker)
    {
        broker.DeclareQueue("queue", arguments: table => table.Add("x-last-value-key", "key"));
        uint publication = broker.OpenPublication("", "queue");
        byte[][] all = HeadersOfBatch(i => Headers(builder => builder.Headers.Add("key", i % Keys)));
        return () =>
        {
            PublishBatch(broker, publication, default, all);
            broker.WaitForConfirms(publication);
            broker.WaitForMessages("queue", Keys);
        };
    }

    private static Action Dropped(ModelBroker broker, Action<FieldTableWriter> arguments, Func<int, byte[]> headers, ulong left)
    {
        broker.DeclareQueue("queue", arguments: arguments);
        uint publication = broker.OpenPublication("", "queue");
        byte[][] all = HeadersOfBatch(headers);
        return () =>
        {
            PublishBatch(broker, publication, default, all);
            broker.WaitForConfirms(publication);
            broker.WaitForMessages("queue", left);
        };
    }

    private static Action DeadLetter(
        ModelBroker broker, Action<FieldTableWriter> arguments, bool consumes, Func<int, byte[]> headers, SettleKind kind = SettleKind.Reject)
    {
        broker.DeclareQueue("dead");
        broker.DeclareQueue("queue", arguments: table => arguments(table.Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead")));
        uint publication = broker.OpenPublication("", "queue");
        uint dead = broker.Subscribe("dead", ModelBroker.Window);
        uint subscription = consumes ? broker.Subscribe("queue", ModelBroker.Window) : 0;
        byte[][] all = HeadersOfBatch(headers);
        return () =>
        {
            PublishBatch(broker, publication, default, all);
            if (consumes)
            {
                broker.WaitForDeliveries(Batch);
                broker.SettleAll(subscription, kind, credit: Batch);
            }
            broker.WaitForDeliveries(consumes ? 2 * Batch : Batch);
            broker.SettleAll(dead, credit: Batch);
            broker.WaitForConfirms(publication);
            broker.Run();
        };
    }

    private static void PublishBatch(ModelBroker broker, uint publication, byte[][]? keys, byte[][] headers)
    {
        broker.ResetDelivered();
        for (int i = 0; i < Batch; i++)
            broker.Publish(publication, keys == null ? default : keys[i], headers[i], Body);
    }

    private static void Take(ModelBroker broker, uint subscription)
    {
        broker.WaitForDeliveries(Batch);
        broker.SettleAll(subscription, credit: Batch);
        while (!broker.Core.Ingress.IsEmpty)
            broker.Step();
    }

    private static byte[][] HeadersOfBatch(Func<int, byte[]>? headers) => [.. Enumerable.Range(0, Batch).Select(i => headers?.Invoke(i) ?? [])];

    private static byte[] Headers(Action<ContentHeaderBuilder> fill)
    {
        var builder = new ContentHeaderBuilder();
        fill(builder);
        return builder.Build().ToArray();
    }
}
