using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using LowLatency.Core.Engine;

namespace LowLatency.Transport.Server;

/// <summary>The brokers of this process that <c>inproc://name</c> reaches. Any thread; control plane.</summary>
/// <remarks>
/// A client that takes a broker from here adds its egress port to <see cref="BrokerCore.Ports"/> and removes it after its last session
/// is closed: until then the broker's memory stays. It looks at the stopping token and leaves when that is cancelled.
/// </remarks>
internal static class InprocRegistry
{
    private static readonly ConcurrentDictionary<string, Entry> Entries = new(StringComparer.Ordinal);

    /// <summary>Finds the broker of that name.</summary>
    internal static bool TryGet(string name, [NotNullWhen(true)] out BrokerCore? core) => TryGet(name, out core, out _);

    /// <summary>Finds the broker of that name.</summary>
    /// <param name="name">Case matters.</param>
    /// <param name="core">The broker.</param>
    /// <param name="stopping">Cancelled when the broker wants its clients to leave.</param>
    internal static bool TryGet(string name, [NotNullWhen(true)] out BrokerCore? core, out CancellationToken stopping)
    {
        bool found = Entries.TryGetValue(name, out Entry entry);
        core = entry.Core;
        stopping = entry.Stopping;
        return found;
    }

    /// <returns>False when the name is taken.</returns>
    internal static bool TryAdd(string name, BrokerCore core, CancellationToken stopping) => Entries.TryAdd(name, new Entry(core, stopping));

    internal static void Remove(string name) => Entries.TryRemove(name, out _);

    private readonly record struct Entry(BrokerCore Core, CancellationToken Stopping);
}
