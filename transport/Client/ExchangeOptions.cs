using LowLatency.Core.Engine;
using LowLatency.Core.Messages;

namespace LowLatency.Client;

/// <summary>How an exchange finds the destinations of a message.</summary>
public enum ExchangeType
{
    /// <summary>What is bound with exactly the routing key.</summary>
    Direct = 1,

    /// <summary>All that is bound.</summary>
    Fanout = 2,

    /// <summary>Patterns of words separated by dots: <c>*</c> is one word, <c>#</c> any number.</summary>
    Topic = 3,

    /// <summary>The header table, against the binding's arguments: <see cref="BindingArguments"/>.</summary>
    Headers = 4,

    /// <summary>Each key goes to one destination, by weight: the binding key is a number from 1 to 1000.</summary>
    ConsistentHash = 5,
}

/// <summary>Properties of an exchange to declare.</summary>
public sealed record ExchangeOptions
{
    /// <summary>How it routes.</summary>
    public ExchangeType Type { get; init; } = ExchangeType.Direct;

    /// <summary>It outlives the broker.</summary>
    public bool Durable { get; init; } = true;

    /// <summary>Gone with the last binding from it.</summary>
    public bool AutoDelete { get; init; }

    /// <summary>Only for bindings from other exchanges: nobody can publish to it.</summary>
    public bool Internal { get; init; }

    /// <summary>Only ask whether it exists: fails with <see cref="ErrorCode.NotFound"/> where it does not. Not repeated after a reconnect.</summary>
    public bool Passive { get; init; }

    /// <summary>Takes the messages for which this one finds no destination. <c>alternate-exchange</c></summary>
    public string? AlternateExchange { get; init; }

    /// <summary>Of <see cref="ExchangeType.ConsistentHash"/>: the header whose value is the key, instead of the routing key. <c>hash-header</c></summary>
    public string? HashHeader { get; init; }

    /// <summary>Of <see cref="ExchangeType.ConsistentHash"/>: the property whose value is the key: <c>message_id</c>, <c>correlation_id</c> or <c>timestamp</c>. <c>hash-property</c></summary>
    public string? HashProperty { get; init; }

    /// <summary>Arguments that have no property here.</summary>
    public FieldTable? Arguments { get; init; }

    internal ExchangeFlags Flags =>
        (Durable ? ExchangeFlags.Durable : 0) | (Passive ? ExchangeFlags.Passive : 0) | (Internal ? ExchangeFlags.Internal : 0)
        | (AutoDelete ? ExchangeFlags.AutoDelete : 0);

    internal byte[] Table()
    {
        var table = new FieldTableWriter();
        Arguments.CopyTo(table);
        table.Text("alternate-exchange", AlternateExchange);
        table.Text("hash-header", HashHeader);
        table.Text("hash-property", HashProperty);
        return table.Entries.ToArray();
    }
}
