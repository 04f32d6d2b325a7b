using LowLatency.Core.Queues;

namespace LowLatency.Core.Routing;

/// <summary>What makes a binding of an exchange the one that it is, to find it without making one.</summary>
internal readonly ref struct BindingIdentity(BrokerQueue? queue, Exchange? exchange, ReadOnlySpan<byte> key, ReadOnlySpan<byte> arguments)
{
    internal BrokerQueue? Queue { get; } = queue;

    internal Exchange? Exchange { get; } = exchange;

    internal ReadOnlySpan<byte> Key { get; } = key;

    internal ReadOnlySpan<byte> Arguments { get; } = arguments;
}

/// <summary>Compares the bindings of one exchange by destination, key and arguments.</summary>
internal sealed class BindingComparer : IEqualityComparer<Binding>, IAlternateEqualityComparer<BindingIdentity, Binding>
{
    internal static readonly BindingComparer Instance = new();

    public bool Equals(Binding? x, Binding? y) => ReferenceEquals(x, y) || (x != null && y != null && Equals(Identity(x), y));

    public bool Equals(BindingIdentity alternate, Binding other) =>
        alternate.Queue == other.Queue && alternate.Exchange == other.Exchange && alternate.Key.SequenceEqual(other.Key) && alternate.Arguments.SequenceEqual(other.Arguments);

    public int GetHashCode(Binding obj) => GetHashCode(Identity(obj));

    public int GetHashCode(BindingIdentity alternate)
    {
        HashCode hash = default;
        hash.Add(alternate.Queue?.Id ?? alternate.Exchange!.Id);
        hash.AddBytes(alternate.Key);
        hash.AddBytes(alternate.Arguments);
        return hash.ToHashCode();
    }

    public Binding Create(BindingIdentity alternate) => throw new NotSupportedException("Bindings are made by their exchange.");

    private static BindingIdentity Identity(Binding binding) => new(binding.Queue, binding.Exchange, binding.Key, binding.Arguments);
}
