using LowLatency.Core.Queues;

namespace LowLatency.Core.Routing;

/// <summary>Routes of the last keys of one publication, for messages that bring their own. Engine thread only.</summary>
/// <remarks>One place per key, which the next key with that place takes over, with the memory: once it has grown, nothing is allocated.</remarks>
internal sealed class RouteCache
{
    internal const int Capacity = 128;

    /// <summary>Larger routes are found anew each time: putting a message into so many queues takes longer.</summary>
    private const int MaxQueues = 256;

    private readonly Entry[] _entries = new Entry[Capacity];
    private readonly ulong _seed = RouteHash.ProcessSeed;

    /// <param name="version">The virtual host's <see cref="VirtualHost.RouteVersion"/> now.</param>
    /// <param name="queues">Valid until the next <see cref="Put"/>.</param>
    internal bool TryGet(ReadOnlySpan<byte> key, long version, out ReadOnlySpan<BrokerQueue> queues)
    {
        ulong hash = RouteHash.Of(key, _seed);
        ref Entry entry = ref _entries[hash % Capacity];
        if (entry.Hash == hash && entry.Version == version && key.SequenceEqual(entry.Key.AsSpan(0, entry.KeyLength)))
        {
            queues = entry.Queues.AsSpan(0, entry.Count);
            return true;
        }
        queues = [];
        return false;
    }

    internal void Put(ReadOnlySpan<byte> key, long version, ReadOnlySpan<BrokerQueue> queues)
    {
        if (queues.Length > MaxQueues)
            return;
        ulong hash = RouteHash.Of(key, _seed);
        ref Entry entry = ref _entries[hash % Capacity];
        if (entry.Key == null || entry.Key.Length < key.Length)
            entry.Key = new byte[key.Length <= 32 ? 32 : NameRules.MaxLength];
        if (entry.Queues == null || entry.Queues.Length < queues.Length)
            entry.Queues = new BrokerQueue[Math.Max(2, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)queues.Length))];
        key.CopyTo(entry.Key);
        queues.CopyTo(entry.Queues);
        entry.Hash = hash;
        entry.KeyLength = key.Length;
        entry.Version = version;
        entry.Count = queues.Length;
    }

    private struct Entry
    {
        internal ulong Hash;
        internal long Version; // 0 while it is empty: a virtual host begins with 1.
        internal byte[]? Key;
        internal BrokerQueue[]? Queues;
        internal int KeyLength;
        internal int Count;
    }
}
