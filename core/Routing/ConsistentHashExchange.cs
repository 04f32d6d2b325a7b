using LowLatency.Core.Messages;

namespace LowLatency.Core.Routing;

/// <summary>Routes each key to one destination, by weight, and keeps to it. Rule B5.</summary>
internal sealed class ConsistentHashExchange(uint id, VirtualHost host, byte[] name, ExchangeOptions options) : Exchange(id, host, name, options)
{
    internal const int MaxWeight = 1000;

    // Any constant does; another one would send every key elsewhere.
    private const ulong KeySeed = 0x9E3779B97F4A7C15;

    private readonly HashPlaces _places = new();

    internal override bool DependsOnHeaders => Options.HashHeader != null || Options.HashProperty != HashProperty.None;

    internal override string? BindingProblem(ReadOnlySpan<byte> key, ReadOnlySpan<byte> arguments)
    {
        if (!TryGetWeight(key, out _))
            return $"Binding key '{NameRules.Text(key)}' is not a weight: bind to consistent-hash exchange '{DisplayName}' with an integer from 1 to {MaxWeight}.";
        return null;
    }

    /// <summary>Has as many bindings as it can.</summary>
    internal bool IsFull => Bindings.Count >= HashPlaces.MaxBindings;

    internal override void Match(Router router, scoped in RoutedMessage message)
    {
        Binding? binding = Choose(in message);
        if (binding != null)
            router.Reach(binding);
    }

    /// <summary>The one binding of a message; null when there is none at all.</summary>
    internal Binding? Choose(scoped in RoutedMessage message) => _places.Choose(HashOf(in message));

    internal ulong HashOf(scoped in RoutedMessage message)
    {
        if (!DependsOnHeaders)
            return RouteHash.Of(message.Key, KeySeed);
        // All messages without the header or property are of one kind.
        if (!ContentHeader.TryRead(message.Headers, out ContentHeader header))
            return RouteHash.Of([], KeySeed);
        switch (Options.HashProperty)
        {
            case HashProperty.MessageId:
                return RouteHash.Of(header.MessageId, KeySeed);
            case HashProperty.CorrelationId:
                return RouteHash.Of(header.CorrelationId, KeySeed);
            case HashProperty.Timestamp:
                return RouteHash.Mix(header.Timestamp);
            default:
                return FieldTableReader.TryFind(header.HeaderTable, Options.HashHeader!, out FieldValue value) ? HashOf(value) : RouteHash.Of([], KeySeed);
        }
    }

    // One number is one key, however wide it was sent.
    private static ulong HashOf(FieldValue value) =>
        value.IsInteger && value.TryGetInteger(out long integer) ? RouteHash.Mix((ulong)integer) : RouteHash.Of(value.Bytes, KeySeed);

    private protected override void OnAdded(Binding binding)
    {
        TryGetWeight(binding.Key, out int weight);
        _places.Add(binding, weight);
    }

    private protected override void OnRemoved(Binding binding) => _places.Remove(binding);

    private static bool TryGetWeight(ReadOnlySpan<byte> key, out int weight)
    {
        weight = 0;
        if (key.Length is 0 or > 4)
            return false;
        foreach (byte digit in key)
        {
            if (digit is < (byte)'0' or > (byte)'9')
                return false;
            weight = (weight * 10) + digit - '0';
        }
        return weight is >= 1 and <= MaxWeight;
    }
}
