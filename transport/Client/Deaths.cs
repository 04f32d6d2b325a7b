using LowLatency.Core.Messages;

namespace LowLatency.Client;

/// <summary>The deaths of a message, as its header <c>x-death</c> tells them, the newest first: one for each queue and reason.</summary>
/// <remarks>
/// <code>
/// foreach (DeathInfo death in delivery.Properties.Deaths) …
/// </code>
/// </remarks>
public ref struct Deaths
{
    private DeathHistory _history;

    internal Deaths(ReadOnlySpan<byte> headerTable) => DeathHistory.TryFind(headerTable, out _history);

    /// <summary>The death that was read.</summary>
    public readonly DeathInfo Current => new(_history.Entries);

    /// <summary>For <c>foreach</c>.</summary>
    public readonly Deaths GetEnumerator() => this;

    /// <summary>Reads the next one.</summary>
    public bool MoveNext() => _history.Read();
}

/// <summary>That a message died: in a queue, for a reason, some times. Texts are UTF-8.</summary>
public readonly ref struct DeathInfo
{
    private readonly ReadOnlySpan<byte> _entries;

    internal DeathInfo(ReadOnlySpan<byte> entries) => _entries = entries;

    /// <summary>How often.</summary>
    public long Count => FieldTableReader.TryFind(_entries, "count"u8, out FieldValue value) && value.TryGetInteger(out long count) ? count : 0;

    /// <summary><c>rejected</c>, <c>expired</c>, <c>maxlen</c> or <c>delivery_limit</c>.</summary>
    public ReadOnlySpan<byte> Reason => Text("reason"u8);

    /// <summary>In which it died.</summary>
    public ReadOnlySpan<byte> Queue => Text("queue"u8);

    /// <summary>To which it had been published.</summary>
    public ReadOnlySpan<byte> Exchange => Text("exchange"u8);

    /// <summary>The last time.</summary>
    public DateTimeOffset Time =>
        DateTimeOffset.FromUnixTimeSeconds(FieldTableReader.TryFind(_entries, "time"u8, out FieldValue value) && value.TryGetInteger(out long seconds) ? seconds : 0);

    private ReadOnlySpan<byte> Text(ReadOnlySpan<byte> name) =>
        FieldTableReader.TryFind(_entries, name, out FieldValue value) && value.Type == FieldType.LongString ? value.Bytes : default;
}
