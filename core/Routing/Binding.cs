using LowLatency.Core.Queues;

namespace LowLatency.Core.Routing;

/// <summary>From an exchange to a queue or another exchange, under a key and arguments. Engine thread only.</summary>
internal sealed class Binding
{
    /// <param name="source">Where messages come from.</param>
    /// <param name="queue">Destination, or null.</param>
    /// <param name="exchange">Destination, or null: exactly one of the two.</param>
    /// <param name="key">Binding key.</param>
    /// <param name="arguments">Entries of a field table in the order of their names, as <c>FieldTableOrder</c> puts them.</param>
    internal Binding(Exchange source, BrokerQueue? queue, Exchange? exchange, byte[] key, byte[] arguments)
    {
        Source = source;
        Queue = queue;
        Exchange = exchange;
        Key = key;
        Arguments = arguments;
    }

    internal Exchange Source { get; }

    internal BrokerQueue? Queue { get; }

    internal Exchange? Exchange { get; }

    internal byte[] Key { get; }

    internal byte[] Arguments { get; }

    /// <summary>Both ends outlive the broker, so it does.</summary>
    internal bool Durable => Source.Durable && (Queue != null ? Queue.Durable : Exchange!.Durable);

    internal bool IsToExchange => Exchange != null;

    internal uint DestinationId => Queue != null ? Queue.Id : Exchange!.Id;

    /// <summary>Compiled arguments, where the source is a headers exchange.</summary>
    internal HeaderMatcher? Matcher { get; set; }

    /// <summary>Number in a consistent-hash exchange.</summary>
    internal int Number { get; set; }

    /// <summary>Neighbours among the bindings of the source.</summary>
    internal Links InSource;

    /// <summary>Neighbours among the bindings of the destination.</summary>
    internal Links InDestination;

    internal struct Links
    {
        internal Binding? Next;
        internal Binding? Previous;
    }
}
