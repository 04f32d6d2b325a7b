using LowLatency.Core.Messages;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

/// <summary>What is decided about a message before anything is done: whether it is taken, and what it takes to store it.</summary>
internal ref struct Admission
{
    /// <summary>The queues that were routed to.</summary>
    internal ReadOnlySpan<BrokerQueue> Route;

    internal ReadOnlySpan<byte> Key;

    /// <summary>Headers and body.</summary>
    internal ReadOnlySpan<byte> Rest;

    internal int HeadersLength;

    /// <summary>Why it is rejected; <see cref="ErrorCode.None"/> when it is taken.</summary>
    internal ErrorCode Code;

    /// <summary>The queue that has no room for it.</summary>
    internal BrokerQueue? Full;

    /// <summary>What is wrong with its headers.</summary>
    internal MessageProblem Problem;

    internal MessageTraits Traits;

    /// <summary>What it will have when it is stored.</summary>
    internal DurabilityLevel Level;

    /// <summary>Its time has not come.</summary>
    internal bool IsScheduled;

    /// <summary>Queues that take it; the others of the route sent it to their dead-letter exchange.</summary>
    internal int Takers;

    /// <summary>A queue is beyond its bounds with it, and drops from its head.</summary>
    internal bool DropsHead;

    /// <summary>It goes to dead-letter exchanges although it is rejected.</summary>
    internal bool DeadLettersRejected;

    /// <summary>Most bytes that it takes in the journal, what goes elsewhere for it included; what it pushes out of queues aside.</summary>
    internal int DurableLength;

    internal int TransientLength;

    /// <summary>Key, headers and body.</summary>
    internal readonly int PayloadLength => Key.Length + Rest.Length;
}
