using LowLatency.Core.Agents;
using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>The way to a broker: a socket, or the rings of a broker in this process.</summary>
/// <remarks>
/// The connection's thread only, except <see cref="Wake"/>. Never blocks but in <see cref="Leave"/>. What ends a connection is kept until
/// <see cref="TryTakeLoss"/>, so that nothing is torn down in the middle of a received batch.
/// </remarks>
/// <param name="agent">Gets what arrives.</param>
internal abstract class Door(ConnectionAgent agent) : IDisposable
{
    private LowLatencyException? _loss;
    private bool _lossIsFinal;

    /// <summary>Parks the connection's thread, and wakes it.</summary>
    internal abstract WakeSignal Wake { get; }

    /// <summary>Whether a look at the door would, or might, find something now.</summary>
    internal abstract bool HasWork { get; }

    /// <summary>Whether nothing can be handed over until the system, or the broker, makes room; that wakes the thread.</summary>
    internal abstract bool IsBlocked { get; }

    /// <summary>Whether both sides may send batches. Any thread.</summary>
    internal virtual bool IsCompressed => false;

    /// <summary>Why they may not, where that was asked for. Any thread.</summary>
    internal virtual string? NoCompressionReason => null;

    protected ConnectionAgent Agent { get; } = agent;

    protected bool IsLost => _loss != null;

    /// <summary>Makes the publishing side of a publication. Any thread.</summary>
    internal abstract Outlet CreateOutlet(Publication publication, PublicationOptions options);

    /// <summary>Begins to connect; ends in <see cref="ConnectionAgent.OnWelcome"/> or a loss.</summary>
    /// <param name="nowMs">Milliseconds of <see cref="Environment.TickCount64"/>.</param>
    internal abstract void Connect(long nowMs);

    /// <summary>Goes on connecting, takes what has arrived and hands it to the agent.</summary>
    /// <returns>How much was done.</returns>
    internal abstract int Receive(long nowMs);

    /// <summary>Hands over what was gathered.</summary>
    /// <returns>How much was done.</returns>
    internal abstract int Send(long nowMs);

    /// <summary>Gathers a request.</summary>
    /// <returns>False: no room at the moment.</returns>
    internal abstract bool TrySend(Request request);

    /// <summary>Gathers a settlement with added credit.</summary>
    /// <returns>False: no room at the moment.</returns>
    internal abstract bool TrySend(uint subscription, in Settlement settlement, uint creditMessages, ulong creditBytes);

    /// <summary>Gathers added credit.</summary>
    /// <returns>False: no room at the moment.</returns>
    internal abstract bool TrySendCredit(uint subscription, uint messages, ulong bytes);

    /// <summary>Gathers one operation of a transaction.</summary>
    /// <param name="frame">A Publish or a Settle, whole, with its handle.</param>
    /// <returns>False: no room at the moment.</returns>
    internal abstract bool TrySendOperation(ReadOnlySpan<byte> frame);

    /// <summary>Lets go of a lost connection. What is gathered is forgotten.</summary>
    internal abstract void Drop();

    /// <summary>Ends a connection politely; tries for a moment to hand over what is gathered.</summary>
    internal abstract void Leave();

    /// <summary>When <see cref="Receive"/> has something to do even if nothing arrives, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    internal abstract long NextTimerMs { get; }

    /// <summary>Notes that the connection is over. The first reason counts.</summary>
    /// <param name="isFinal">Connecting again is of no use.</param>
    internal void Lose(LowLatencyException reason, bool isFinal = false)
    {
        if (_loss != null)
            return;
        _loss = reason;
        _lossIsFinal = isFinal;
    }

    internal void Lose(ErrorCode code, string message) => Lose(new LowLatencyException(code, message));

    /// <summary>Takes the reason why the connection is over, if it is.</summary>
    internal bool TryTakeLoss(out LowLatencyException reason, out bool isFinal)
    {
        reason = _loss!;
        isFinal = _lossIsFinal;
        _loss = null;
        return reason != null;
    }

    public abstract void Dispose();
}
