using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Transport.Sockets;

namespace LowLatency.Client;

/// <summary>The way to a broker of this process: commands into its ingress ring, events out of an egress ring of our own, bodies read where they lie in the journal.</summary>
internal sealed partial class InprocDoor : Door
{
    private const int StoppingLookMs = 5;

    private readonly TransportAddress _address;
    private readonly ConnectionOptions _options;
    private readonly ThreadWakeSignal _wake = new();
    private bool _isOpen;
    private bool _isStopping;

    internal InprocDoor(ConnectionAgent agent, TransportAddress address, ConnectionOptions options)
        : base(agent)
    {
        _address = address;
        _options = options;
    }

    internal override WakeSignal Wake => _wake;

    internal override bool HasWork => HasWritten || (Link != null && (!_isOpen || !Link.Port.Ring.IsEmpty || IsStopRequested));

    // A ring's room is not announced: looked for again and again.
    internal override bool IsBlocked => false;

    // That the broker is drained is not announced either.
    internal override long NextTimerMs => _isStopping ? Environment.TickCount64 + StoppingLookMs : long.MaxValue;

    /// <summary>The present session, if any.</summary>
    internal BrokerLink? Link { get; private set; }

    /// <summary>Commands were written since the engine was last woken.</summary>
    internal bool HasWritten { get; set; }

    private bool IsStopRequested => !_isStopping && Link!.Stopping.IsCancellationRequested;

    internal override Outlet CreateOutlet(Publication publication, PublicationOptions options)
        => new IngressOutlet(publication, this, Agent.IsBackground, int.MaxValue);

    internal override void Connect(long nowMs)
    {
        HasWritten = false;
        _isOpen = false;
        _isStopping = false;
        Link = BrokerLink.TryTake(_address.Host, _wake, out LowLatencyException? refusal);
        if (Link == null)
            Lose(refusal!);
    }

    internal override int Receive(long nowMs)
    {
        if (Link == null || IsLost)
            return 0;
        if (!_isOpen)
            return Open();
        int work = ReceiveEvents();
        if (work > 0 && Link.Port.TakeBlocked())
            Link.Core.EngineWake.Wake(); // It waits for the room that was made.
        if (IsStopRequested)
        {
            _isStopping = true;
            Agent.OnStopping();
            work++;
        }

        if (Link.Port.IsOverrun)
        {
            Lose(ErrorCode.SlowReader,
                $"The connection to {_address} was not polled for too long: the broker has ended its session. Poll more often.");
        }
        else if (_isStopping && Link.Core.IsDrained && Link.Port.Ring.IsEmpty)
        {
            Lose(ErrorCode.ShuttingDown, $"The broker {_address} is shutting down.");
        }

        return work;
    }

    internal override int Send(long nowMs)
    {
        if (!HasWritten)
            return 0;
        HasWritten = false;
        Link?.Core.EngineWake.Wake();
        return 1;
    }

    internal override void Drop()
    {
        Link?.Close();
        Link = null;
        _isOpen = false;
    }

    internal override void Leave() => Drop();

    public override void Dispose()
    {
        Drop();
        _wake.Dispose();
    }

    private int Open()
    {
        if (!Link!.TryOpen(_options.ClientName, _options.VirtualHostOf(_address)))
            return 0;
        _isOpen = true;
        return 1;
    }

    // The engine has let it in.
    private void OnOpened()
    {
        BrokerLimits limits = Link!.Core.Limits;
        Agent.OnWelcome(new BrokerFacts(
            limits.MaxBodyLength, limits.MaxCreditMessages, limits.MaxBodyLength + byte.MaxValue + ushort.MaxValue));
    }
}
