using System.Globalization;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Queues;

/// <summary>Reads a queue's declaration, and says where two differ. Control plane: allocates.</summary>
/// <remarks>Rules Q1, Q7 and those of each argument in docs/model.md. Arguments that it does not know are kept and mean nothing.</remarks>
internal static class QueueArguments
{
    /// <summary>Ten years: a time in nanoseconds so far ahead still fits.</summary>
    internal const long MaxTimeMs = 10L * 365 * 24 * 60 * 60 * 1000;

    /// <summary>Returns are counted in 16 bits and stop at the highest: a limit must be below it to be passed.</summary>
    internal const int MaxDeliveryLimit = ushort.MaxValue - 1;

    /// <summary>Reads flags and arguments.</summary>
    /// <param name="flags"><see cref="QueueFlags"/>; an exclusive queue is not durable whatever they say.</param>
    /// <param name="table">Entries of a field table, valid.</param>
    /// <param name="defaultLength">Bound in messages where the arguments name none.</param>
    /// <param name="options">What they say; null when there is a problem.</param>
    /// <returns>What is wrong with an argument, as a sentence, or null.</returns>
    internal static string? Parse(QueueFlags flags, ReadOnlySpan<byte> table, long defaultLength, out QueueOptions? options)
    {
        options = null;
        long maxLength = defaultLength;
        long maxBytes = long.MaxValue;
        long ttl = -1;
        long expires = -1;
        long maxPriority = -1;
        long deliveryLimit = -1;
        long delay = 0;
        long delayMax = new QueueOptions().RedeliveryDelayMaxMs;
        byte[]? deadLetterExchange = null;
        byte[]? deadLetterKey = null;
        byte[]? lastValueKey = null;
        bool isSingleActive = false;
        OverflowPolicy overflow = default;

        string? problem = ArgumentReader.Integer(table, "x-max-length"u8, 0, long.MaxValue, "messages", ref maxLength)
            ?? ArgumentReader.Integer(table, "x-max-length-bytes"u8, 0, long.MaxValue, "bytes", ref maxBytes)
            ?? Overflow(table, ref overflow)
            ?? ArgumentReader.Integer(table, "x-message-ttl"u8, 0, MaxTimeMs, "milliseconds", ref ttl)
            ?? ArgumentReader.Integer(table, "x-expires"u8, 1, MaxTimeMs, "milliseconds", ref expires)
            ?? ArgumentReader.Text(table, "x-dead-letter-exchange"u8, "the name of an exchange, empty for the default one", ref deadLetterExchange)
            ?? ArgumentReader.Text(table, "x-dead-letter-routing-key"u8, "a routing key", ref deadLetterKey)
            ?? ArgumentReader.Integer(table, "x-max-priority"u8, 0, byte.MaxValue, "as highest priority", ref maxPriority)
            ?? ArgumentReader.Boolean(table, "x-single-active-consumer"u8, ref isSingleActive)
            ?? ArgumentReader.Integer(table, "x-delivery-limit"u8, 0, MaxDeliveryLimit, "returns", ref deliveryLimit)
            ?? ArgumentReader.Integer(table, "x-redelivery-delay"u8, 0, MaxTimeMs, "milliseconds", ref delay)
            ?? ArgumentReader.Integer(table, "x-redelivery-delay-max"u8, 0, MaxTimeMs, "milliseconds", ref delayMax)
            ?? ArgumentReader.Text(table, "x-last-value-key"u8, "the name of a header, empty for the routing key", ref lastValueKey);
        if (problem != null)
            return problem;
        if (deadLetterKey != null && deadLetterExchange == null)
            return $"Argument x-dead-letter-routing-key is '{NameRules.Text(deadLetterKey)}' but there is no x-dead-letter-exchange: give both, or neither.";
        if (lastValueKey != null && maxPriority >= 0)
            return $"Argument x-last-value-key is '{NameRules.Text(lastValueKey)}' beside x-max-priority {maxPriority}: only one of the two is allowed.";

        bool isExclusive = (flags & QueueFlags.Exclusive) != 0;
        options = new QueueOptions
        {
            Durable = (flags & QueueFlags.Durable) != 0 && !isExclusive,
            Exclusive = isExclusive,
            AutoDelete = (flags & QueueFlags.AutoDelete) != 0,
            MaxLength = maxLength,
            MaxBytes = maxBytes,
            Overflow = overflow,
            MessageTtlMs = ttl,
            ExpiresMs = expires,
            DeadLetterExchange = deadLetterExchange,
            DeadLetterRoutingKey = deadLetterKey,
            MaxPriority = (int)maxPriority,
            SingleActiveConsumer = isSingleActive,
            DeliveryLimit = (int)deliveryLimit,
            RedeliveryDelayMs = delay,
            RedeliveryDelayMaxMs = delayMax,
            LastValueKey = lastValueKey,
            Arguments = table.ToArray(),
        };
        return null;
    }

    /// <summary>The first difference between a queue and another declaration of it, as part of a sentence: <c>x-max-length = 5, not 6</c>.</summary>
    /// <returns>Null when they mean the same.</returns>
    internal static string? Difference(QueueOptions existing, QueueOptions wanted) =>
        Compare("durable", Word(existing.Durable), Word(wanted.Durable))
        ?? Compare("exclusive", Word(existing.Exclusive), Word(wanted.Exclusive))
        ?? Compare("auto-delete", Word(existing.AutoDelete), Word(wanted.AutoDelete))
        ?? Compare("x-max-length", Number(existing.MaxLength), Number(wanted.MaxLength))
        ?? Compare("x-max-length-bytes", Number(existing.MaxBytes), Number(wanted.MaxBytes))
        ?? Compare("x-overflow", Name(existing.Overflow), Name(wanted.Overflow))
        ?? Compare("x-message-ttl", Number(existing.MessageTtlMs), Number(wanted.MessageTtlMs))
        ?? Compare("x-expires", Number(existing.ExpiresMs), Number(wanted.ExpiresMs))
        ?? Compare("x-dead-letter-exchange", Name(existing.DeadLetterExchange), Name(wanted.DeadLetterExchange))
        ?? Compare("x-dead-letter-routing-key", Name(existing.DeadLetterRoutingKey), Name(wanted.DeadLetterRoutingKey))
        ?? Compare("x-max-priority", Number(existing.MaxPriority), Number(wanted.MaxPriority))
        ?? Compare("x-single-active-consumer", Word(existing.SingleActiveConsumer), Word(wanted.SingleActiveConsumer))
        ?? Compare("x-delivery-limit", Number(existing.DeliveryLimit), Number(wanted.DeliveryLimit))
        ?? Compare("x-redelivery-delay", Number(existing.RedeliveryDelayMs), Number(wanted.RedeliveryDelayMs))
        ?? Compare("x-redelivery-delay-max", Number(existing.RedeliveryDelayMaxMs), Number(wanted.RedeliveryDelayMaxMs))
        ?? Compare("x-last-value-key", Name(existing.LastValueKey), Name(wanted.LastValueKey));

    private static string? Compare(string name, string existing, string wanted) =>
        existing == wanted ? null : $"{name} = {existing}, not {wanted}";

    private static string Word(bool value) => value ? "true" : "false";

    // No limit is shown as none: it is what the declaration left out.
    private static string Number(long value) => value is -1 or long.MaxValue ? "none" : value.ToString(CultureInfo.InvariantCulture);

    private static string Name(byte[]? value) => value == null ? "none" : $"'{NameRules.Text(value)}'";

    private static string Name(OverflowPolicy policy) => policy switch
    {
        OverflowPolicy.DropHead => "drop-head",
        OverflowPolicy.DeadLetter => "dead-letter",
        OverflowPolicy.RejectPublishDeadLetter => "reject-publish-dlx",
        OverflowPolicy.Block => "block",
        _ => "reject-publish",
    };

    private static string? Overflow(ReadOnlySpan<byte> table, ref OverflowPolicy policy)
    {
        if (!FieldTableReader.TryFind(table, "x-overflow"u8, out FieldValue field))
            return null;
        if (field.Type == FieldType.LongString)
        {
            foreach (OverflowPolicy candidate in Policies)
            {
                if (!field.Bytes.SequenceEqual(System.Text.Encoding.UTF8.GetBytes(Name(candidate))))
                    continue;
                policy = candidate;
                return null;
            }
        }
        return ArgumentReader.Wrong("x-overflow"u8, field, "drop-head, reject-publish, reject-publish-dlx, dead-letter or block is allowed");
    }

    private static readonly OverflowPolicy[] Policies =
        [OverflowPolicy.RejectPublish, OverflowPolicy.DropHead, OverflowPolicy.DeadLetter, OverflowPolicy.RejectPublishDeadLetter, OverflowPolicy.Block];
}
