using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>What the clients of one run declare, drawn from small sets so that things meet.</summary>
internal sealed class SimulatedTopology
{
    internal static readonly string[] Hosts = ["/", "h1", "h2"];
    internal static readonly string[] Keys = ["a", "b", "a.b", "a.b.c", "a..b", "q0", "b.a"];
    private static readonly string[] Patterns = ["a", "a.*", "#", "*.b", "a.#.c", "#.#", "*", "a.b", "a..b", "a.*.b", "", "#.b", "a.b*"];
    private static readonly string[] Weights = ["1", "2", "10", "1000"];
    private static readonly string[] Matches = ["all", "any", "all-with-x", "any-with-x"];

    private readonly Random _random;
    private readonly SimulationProfile _profile;

    internal SimulatedTopology(Random random, SimulationProfile profile)
    {
        _random = random;
        _profile = profile;
        Queues = [.. Enumerable.Range(0, 8).Select(index => PlanQueue($"q{index}"))];
        if (profile.HasFlow)
            Queues[^1] = new QueuePlan(FlowQueue, QueueFlags.Durable, profile.KeepsFlow ? BacklogArguments() : new NaiveTable());
        Exchanges = [.. Enumerable.Range(0, 5).Select(index => PlanExchange($"x{index}"))];
    }

    /// <summary>The queue through which <see cref="SimulationAction.Flow"/> goes.</summary>
    internal const string FlowQueue = "q7";

    internal QueuePlan[] Queues { get; }

    internal ExchangePlan[] Exchanges { get; }

    internal string AnyQueue => _random.Next(40) == 0 ? "nowhere" : Queues[_random.Next(Queues.Length)].Name;

    internal string AnyExchange => _random.Next(12) == 0 ? Pick(["", "amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match", "amq.other", "nowhere"]) : Exchanges[_random.Next(Exchanges.Length)].Name;

    /// <summary>A declaration of a queue, now and then another than before.</summary>
    internal (QueueFlags Flags, NaiveTable Arguments) Declaration(string name)
    {
        QueuePlan plan = Queues.FirstOrDefault(known => known.Name == name) ?? PlanQueue(name);
        if (_random.Next(15) == 0)
            plan = PlanQueue(name);
        QueueFlags passive = _random.Next(12) == 0 ? QueueFlags.Passive : 0;
        if (_random.Next(60) == 0)
            return (plan.Flags, plan.Arguments.With("x-max-length", Pick<object>(["many", -1L])));
        return (plan.Flags | passive, plan.Arguments);
    }

    internal (ExchangeKind Kind, ExchangeFlags Flags, NaiveTable Arguments) ExchangeDeclaration(string name)
    {
        ExchangePlan plan = Exchanges.FirstOrDefault(known => known.Name == name) ?? PlanExchange(name);
        if (_random.Next(15) == 0)
            plan = PlanExchange(name);
        ExchangeFlags passive = _random.Next(12) == 0 ? ExchangeFlags.Passive : 0;
        return (_random.Next(60) == 0 ? (ExchangeKind)9 : plan.Kind, plan.Flags | passive, plan.Arguments);
    }

    /// <summary>A binding that makes sense for its source, mostly.</summary>
    internal (string Exchange, NaiveBinding Binding) AnyBinding()
    {
        string exchange = AnyExchange;
        ExchangeKind kind = Exchanges.FirstOrDefault(known => known.Name == exchange)?.Kind ?? exchange switch
        {
            "amq.topic" => ExchangeKind.Topic,
            "amq.headers" or "amq.match" => ExchangeKind.Headers,
            _ => ExchangeKind.Direct,
        };
        bool toExchange = _profile.Has(SimulationAction.ExchangeBindings) && _random.Next(3) == 0;
        string key = kind switch
        {
            ExchangeKind.Topic => Pick(Patterns),
            ExchangeKind.ConsistentHash => _random.Next(20) == 0 ? Pick(["0", "1001", "many", "-1"]) : Pick(Weights),
            _ => Pick(Keys),
        };
        NaiveTable arguments = kind == ExchangeKind.Headers ? MatchArguments() : _random.Next(8) == 0 ? new NaiveTable().With("note", _random.Next(2)) : new NaiveTable();
        return (exchange, new NaiveBinding(toExchange, toExchange ? AnyExchange : AnyQueue, key, arguments));
    }

    internal NaiveHeaders AnyHeaders()
    {
        if (_random.Next(3) == 0)
            return new NaiveHeaders();
        NaiveTable? table = null;
        if (_random.Next(3) != 0)
        {
            table = new NaiveTable();
            if (_random.Next(2) == 0)
                table = table.With("h", AnyValue());
            if (_random.Next(3) == 0)
                table = table.With("x-h", AnyValue());
            if (_random.Next(2) == 0)
                table = table.With("k", Pick<object>(["k0", "k1", "k2", 3]));
        }
        if (_profile.Has(SimulationAction.Schedules) && _random.Next(3) == 0)
            table = (table ?? new NaiveTable()).With("x-delay", Pick<object>([0, -1, 5L, 50, 3000L]));
        return new NaiveHeaders
        {
            Table = table,
            Priority = _random.Next(2) == 0 ? _random.Next(12) : null,
            CorrelationId = _random.Next(4) == 0 ? Pick(["c0", "c1"]) : null,
            MessageId = _random.Next(4) == 0 ? Pick(["m0", "m1"]) : null,
            Expiration = _profile.Has(SimulationAction.TimeToLive) && _random.Next(3) == 0 ? Pick(["0", "1", "30", "5000"]) : null,
            Timestamp = _random.Next(8) == 0 ? _random.Next(3) : null,
        };
    }

    internal NaiveTable HostArguments() => _random.Next(4) switch
    {
        0 => new NaiveTable().With("max-queues", (long)_random.Next(1, 5)),
        1 => new NaiveTable().With("max-connections", (long)_random.Next(1, 3)).With("max-exchanges", 2L).With("max-bindings", 3),
        _ => new NaiveTable(),
    };

    /// <summary>What waits long, and expires on the disk perhaps.</summary>
    private NaiveTable BacklogArguments()
    {
        var arguments = new NaiveTable();
        if (_random.Next(2) == 0)
            arguments = arguments.With("x-dead-letter-exchange", "").With("x-dead-letter-routing-key", "q6");
        return _random.Next(2) == 0 ? arguments.With("x-message-ttl", Pick<object>([20L, 100L, 1000L])) : arguments;
    }

    private QueuePlan PlanQueue(string name)
    {
        QueueFlags flags = _random.Next(3) != 0 ? QueueFlags.Durable : 0;
        if (_profile.Has(SimulationAction.AutoDelete) && _random.Next(3) == 0)
            flags |= QueueFlags.AutoDelete;
        if (_profile.Has(SimulationAction.Exclusive) && _random.Next(4) == 0)
            flags |= QueueFlags.Exclusive;
        var arguments = new NaiveTable();
        if (_random.Next(3) == 0)
            arguments = arguments.With("x-max-length", _random.Next(5) == 0 ? 0L : (object)_random.Next(1, 12));
        if (_profile.Has(SimulationAction.SingleActive) && _random.Next(2) == 0)
            arguments = arguments.With("x-single-active-consumer", true);
        bool hasPriorities = _profile.Has(SimulationAction.Priorities) && _random.Next(3) == 0;
        if (hasPriorities)
            arguments = arguments.With("x-max-priority", Pick<object>([0L, 3, 10L, 255]));
        if (_profile.Has(SimulationAction.LastValues) && !hasPriorities && _random.Next(3) == 0)
            arguments = arguments.With("x-last-value-key", Pick(["", "k"]));
        if (_profile.Has(SimulationAction.TimeToLive) && _random.Next(3) == 0)
            arguments = arguments.With("x-message-ttl", Pick<object>([0L, 1, 20L, 1000]));
        if (_profile.Has(SimulationAction.RedeliveryDelays) && _random.Next(3) == 0)
            arguments = arguments.With("x-redelivery-delay", Pick<object>([1L, 10, 1000L])).With("x-redelivery-delay-max", Pick<object>([5L, 100, 100_000L]));
        if (_profile.Has(SimulationAction.DeliveryLimits) && _random.Next(3) == 0)
            arguments = arguments.With("x-delivery-limit", (long)_random.Next(3));
        if (_profile.Has(SimulationAction.QueueExpiry) && _random.Next(4) == 0)
            arguments = arguments.With("x-expires", Pick<object>([1L, 50, 5000L]));
        if (_profile.Has(SimulationAction.Overflow))
        {
            if (_random.Next(3) == 0)
                arguments = arguments.With("x-max-length-bytes", (long)_random.Next(2000));
            if (_random.Next(2) == 0)
                arguments = arguments.With("x-overflow", Pick(["reject-publish", "drop-head", "dead-letter", "reject-publish-dlx", "block"]));
        }
        if (_profile.RejectsOf5 > 1 && _random.Next(2) == 0)
        {
            // Round and round.
            arguments = arguments.With("x-dead-letter-exchange", "").With("x-dead-letter-routing-key", name);
        }
        else if (_profile.Has(SimulationAction.DeadLetters) && _random.Next(2) == 0)
        {
            arguments = arguments.With("x-dead-letter-exchange", _random.Next(2) == 0 ? "" : $"x{_random.Next(6)}");
            if (_random.Next(3) != 0)
                arguments = arguments.With("x-dead-letter-routing-key", _random.Next(3) switch { 0 => name, 1 when _random.Next(2) == 0 => Pick(Keys), _ => $"q{_random.Next(8)}" });
        }
        if (_random.Next(10) == 0)
            arguments = arguments.With("x-note", "means nothing");
        return new QueuePlan(name, flags, arguments);
    }

    private ExchangePlan PlanExchange(string name)
    {
        var kind = (ExchangeKind)_random.Next(1, _profile.Has(SimulationAction.Hashes) ? 6 : 5);
        ExchangeFlags flags = _random.Next(3) != 0 ? ExchangeFlags.Durable : 0;
        if (_profile.Has(SimulationAction.AutoDelete) && _random.Next(4) == 0)
            flags |= ExchangeFlags.AutoDelete;
        if (_random.Next(12) == 0)
            flags |= ExchangeFlags.Internal;
        var arguments = new NaiveTable();
        if (_profile.Has(SimulationAction.Alternates) && _random.Next(2) == 0)
            arguments = arguments.With("alternate-exchange", _random.Next(8) == 0 ? "" : $"x{_random.Next(6)}");
        if (kind == ExchangeKind.ConsistentHash)
        {
            arguments = _random.Next(5) switch
            {
                0 => arguments.With("hash-header", "h"),
                1 => arguments.With("hash-property", Pick(["message_id", "correlation_id", "timestamp"])),
                _ => arguments,
            };
        }
        return new ExchangePlan(name, kind, flags, arguments);
    }

    private NaiveTable MatchArguments()
    {
        var arguments = new NaiveTable();
        if (_random.Next(5) != 0)
            arguments = arguments.With("x-match", _random.Next(20) == 0 ? "some" : Pick(Matches));
        if (_random.Next(3) != 0)
            arguments = arguments.With("h", AnyValue());
        if (_random.Next(3) == 0)
            arguments = arguments.With("x-h", AnyValue());
        if (_random.Next(3) == 0)
            arguments = arguments.With("k", Pick<object?>(["k0", "k1", null]));
        return arguments;
    }

    private object? AnyValue() => Pick<object?>([1, 1L, 2L, "1", true, 1.0, null]);

    private T Pick<T>(T[] items) => items[_random.Next(items.Length)];
}

internal sealed record QueuePlan(string Name, QueueFlags Flags, NaiveTable Arguments);

internal sealed record ExchangePlan(string Name, ExchangeKind Kind, ExchangeFlags Flags, NaiveTable Arguments);
