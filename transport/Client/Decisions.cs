using System.Numerics;

namespace LowLatency.Client;

/// <summary>What is known of each undecided message beside its bytes: who waits for it, and whether it was rejected ahead of the confirm that passes it.</summary>
/// <remarks><see cref="Expect"/> on the publishing thread, before the message becomes visible; all else on the connection's.</remarks>
internal sealed class Decisions
{
    private readonly ulong _mask;
    private readonly bool[] _rejected;
    private PublishWaiter?[]? _waiters; // Bought with the first PublishAsync.

    internal Decisions(int window)
    {
        uint length = BitOperations.RoundUpToPowerOf2((uint)window);
        _mask = length - 1;
        _rejected = new bool[length];
    }

    /// <summary>Rejected and not yet passed.</summary>
    internal int RejectedCount { get; private set; }

    private bool IsEmpty => RejectedCount == 0 && Volatile.Read(ref _waiters) == null;

    internal void Expect(ulong sequence, PublishWaiter waiter)
    {
        PublishWaiter?[]? waiters = _waiters;
        if (waiters == null)
        {
            waiters = new PublishWaiter?[_rejected.Length];
            Volatile.Write(ref _waiters, waiters);
        }

        waiters[sequence & _mask] = waiter;
    }

    internal bool IsRejected(ulong sequence) => _rejected[sequence & _mask];

    /// <summary>Marks a message.</summary>
    /// <returns>False when it was marked before.</returns>
    internal bool Reject(ulong sequence, PublishRejectedException? error)
    {
        ref bool rejected = ref _rejected[sequence & _mask];
        if (rejected)
            return false;
        rejected = true;
        RejectedCount++;
        if (error != null && _waiters != null)
            TakeWaiter(sequence)?.Fail(error);
        return true;
    }

    /// <summary>Whether anybody waits for this message.</summary>
    internal bool HasWaiter(ulong sequence) => _waiters?[sequence & _mask] != null;

    /// <summary>The messages from <paramref name="first"/> to <paramref name="last"/> are passed: those not rejected are confirmed.</summary>
    internal void Pass(ulong first, ulong last, Core.Engine.DurabilityLevel level)
    {
        if (IsEmpty)
            return;
        for (ulong sequence = first; sequence <= last; sequence++)
        {
            ref bool rejected = ref _rejected[sequence & _mask];
            if (rejected)
            {
                rejected = false;
                RejectedCount--;
            }
            else if (_waiters != null)
            {
                TakeWaiter(sequence)?.Confirm(new Confirmation(sequence, level));
            }
        }
    }

    /// <summary>Nothing more will be decided.</summary>
    internal void FailAll(LowLatencyException error)
    {
        if (_waiters == null)
            return;
        for (ulong i = 0; i <= _mask; i++)
            TakeWaiter(i)?.Fail(error);
    }

    private PublishWaiter? TakeWaiter(ulong sequence)
    {
        ref PublishWaiter? slot = ref _waiters![sequence & _mask];
        PublishWaiter? waiter = slot;
        slot = null;
        return waiter;
    }
}
