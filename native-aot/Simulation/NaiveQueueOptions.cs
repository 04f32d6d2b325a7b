using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>What a queue's flags and arguments say, or the first thing that is wrong with them (rules Q1 to Q7 and those of each argument).</summary>
internal sealed record NaiveQueueOptions
{
    private const long TenYearsMs = 10L * 365 * 24 * 3600 * 1000;

    internal bool Durable { get; private init; }

    internal bool Exclusive { get; private init; }

    internal bool AutoDelete { get; private init; }

    internal long MaxLength { get; private init; }

    internal long MaxBytes { get; private init; } = long.MaxValue;

    internal string Overflow { get; private init; } = "reject-publish";

    internal long? TtlMs { get; private init; }

    internal long? ExpiresMs { get; private init; }

    internal string? DeadLetterExchange { get; private init; }

    internal string? DeadLetterKey { get; private init; }

    internal long? MaxPriority { get; private init; }

    internal bool SingleActive { get; private init; }

    internal long? DeliveryLimit { get; private init; }

    internal long DelayMs { get; private init; }

    internal long DelayMaxMs { get; private init; } = 60_000;

    internal string? LastValueKey { get; private init; }

    /// <returns>Null when an argument has a value that it may not have.</returns>
    internal static NaiveQueueOptions? Parse(QueueFlags flags, NaiveTable arguments, long defaultLength)
    {
        bool isRight = true;
        bool isExclusive = (flags & QueueFlags.Exclusive) != 0;
        var options = new NaiveQueueOptions
        {
            Durable = (flags & QueueFlags.Durable) != 0 && !isExclusive,
            Exclusive = isExclusive,
            AutoDelete = (flags & QueueFlags.AutoDelete) != 0,
            MaxLength = Number("x-max-length", 0, long.MaxValue) ?? defaultLength,
            MaxBytes = Number("x-max-length-bytes", 0, long.MaxValue) ?? long.MaxValue,
            Overflow = Text("x-overflow") ?? "reject-publish",
            TtlMs = Number("x-message-ttl", 0, TenYearsMs),
            ExpiresMs = Number("x-expires", 1, TenYearsMs),
            DeadLetterExchange = Text("x-dead-letter-exchange"),
            DeadLetterKey = Text("x-dead-letter-routing-key"),
            MaxPriority = Number("x-max-priority", 0, 255),
            SingleActive = arguments.TryGet("x-single-active-consumer", out object? single) && (single is bool word ? word : (isRight = false)),
            DeliveryLimit = Number("x-delivery-limit", 0, ushort.MaxValue - 1),
            DelayMs = Number("x-redelivery-delay", 0, TenYearsMs) ?? 0,
            DelayMaxMs = Number("x-redelivery-delay-max", 0, TenYearsMs) ?? 60_000,
            LastValueKey = Text("x-last-value-key"),
        };
        isRight &= options.Overflow is "reject-publish" or "drop-head" or "dead-letter" or "reject-publish-dlx" or "block";
        isRight &= options.DeadLetterKey == null || options.DeadLetterExchange != null;
        isRight &= options.LastValueKey == null || options.MaxPriority == null;
        return isRight ? options : null;

        long? Number(string name, long least, long most)
        {
            if (!arguments.TryGet(name, out object? value))
                return null;
            long? number = value is int or long ? Convert.ToInt64(value, null) : null;
            isRight &= number >= least && number <= most;
            return number;
        }

        string? Text(string name)
        {
            if (!arguments.TryGet(name, out object? value))
                return null;
            isRight &= value is string;
            return value as string;
        }
    }
}
