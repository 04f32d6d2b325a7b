using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary>Counts what a publication was told, by level.</summary>
/// <remarks>The thread that polls the connection. Sequences of one run follow each other without a gap.</remarks>
internal sealed class ConfirmTally
{
    private readonly DurabilityLevel _asked;
    private readonly long[] _atLevel = new long[(int)DurabilityLevel.Disk + 1];
    private ulong _firstSequence;
    private ulong _lastSequence;
    private ulong _confirmedSequence;
    private readonly Queue<ulong> _rejectedAhead = new(); // Told before the confirm that passes them, possibly long before.

    internal ConfirmTally(DurabilityLevel asked) => _asked = asked;

    /// <summary>Messages that the broker has.</summary>
    internal long Confirmed { get; private set; }

    internal long Rejected { get; private set; }

    /// <summary>Sent, neither confirmed nor rejected.</summary>
    internal long Unconfirmed => Sent - Confirmed - Rejected;

    /// <summary>Confirmed at less than what was asked for.</summary>
    internal long BelowAsked { get; private set; }

    internal Rejection? FirstRejection { get; private set; }

    private long Sent => _firstSequence == 0 ? 0 : (long)(_lastSequence - _firstSequence + 1);

    /// <summary>A line was accepted by the client.</summary>
    internal void OnSent(ulong sequence)
    {
        if (_firstSequence == 0)
        {
            _firstSequence = sequence;
            _confirmedSequence = sequence - 1;
        }
        _lastSequence = sequence;
    }

    /// <summary>Number of the line that was sent with this sequence.</summary>
    internal long LineOf(ulong sequence) => (long)(sequence - _firstSequence + 1);

    internal void OnConfirm(Publication publication, ulong upToSequence, DurabilityLevel level)
    {
        if (_firstSequence == 0 || upToSequence <= _confirmedSequence)
            return;
        long confirmed = (long)(upToSequence - _confirmedSequence);
        while (_rejectedAhead.TryPeek(out ulong rejected) && rejected <= upToSequence)
        {
            _rejectedAhead.Dequeue();
            confirmed--;
        }
        _confirmedSequence = upToSequence;
        Confirmed += confirmed;
        _atLevel[(int)level] += confirmed;
        if (level < _asked)
            BelowAsked += confirmed;
    }

    internal void OnReject(Publication publication, in Rejection rejection)
    {
        FirstRejection ??= rejection;
        Rejected++;
        _rejectedAhead.Enqueue(rejection.Sequence);
    }

    /// <summary>What was confirmed at which level.</summary>
    internal string Describe()
    {
        var parts = new List<string>();
        for (DurabilityLevel level = DurabilityLevel.Disk; level >= DurabilityLevel.None; level--)
        {
            if (_atLevel[(int)level] > 0)
                parts.Add($"{Quantity.Count(_atLevel[(int)level], "message")} confirmed at level {level.ToString().ToLowerInvariant()}");
            if (level == DurabilityLevel.None)
                break;
        }
        return parts.Count > 0 ? string.Join(", ", parts) : $"0 messages confirmed at level {_asked.ToString().ToLowerInvariant()}";
    }
}
