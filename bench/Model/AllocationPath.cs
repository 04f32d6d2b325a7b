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
        new("no-ack", NoAck),
        new("get", Get),
        new("requeue", b => Returned(b, _ => { })),
        new("browse", b => Watched(b, SubscribeFlags.Browse)),
        new("conflate", b => Watched(b, SubscribeFlags.Conflate)),
        new("direct reply-to", ReplyTo),
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
