using System.Diagnostics;
using System.Net;
using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Tests.Wire;
using LowLatency.Transport.Server;
using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Server;

/// <summary>A broker in memory whose agents run on the test's thread, step by step, with real sockets and a clock that the test holds.</summary>
internal sealed class ServerHarness : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly EgressPort _port;
    private readonly MessageReader _reader;
    private readonly ThreadWakeSignal _wake = new();
    private readonly List<TestPeer> _peers = [];

    /// <param name="limits">Null for the defaults.</param>
    /// <param name="compresses">Whether clients that ask for batches are granted them.</param>
    internal ServerHarness(BrokerLimits? limits = null, bool compresses = false)
    {
        Core = BrokerCore.Open(new BrokerOptions { Limits = limits ?? new BrokerLimits() }, _wake);
        _port = new EgressPort(Core.Limits.EgressCapacity, wake: null, alwaysDrained: true);
        Core.Ports.Add(_port);
        _reader = Core.CreateReader();
        TcpAcceptor acceptor = TcpAcceptor.Listen(TransportAddress.Parse("tcp://127.0.0.1:0"));
        Endpoint = acceptor.Endpoint;
        ServedBroker served = new()
        {
            Ingress = Core.Ingress,
            Port = _port,
            SessionIds = Core.SessionIds,
            Reader = _reader,
            Limits = Core.Limits,
            Epoch = 7,
            BrokerId = 42,
            Lz4 = compresses ? BatchOpener.Load() : null,
            OnNotice = Notices.Add,
        };
        Agent = new TransportAgent(served, Poller.Create(), Clock, acceptor);
        Agent.OnStart();
    }

    internal BrokerCore Core { get; }

    internal TransportAgent Agent { get; }

    internal ManualClock Clock { get; } = new();

    internal IPEndPoint Endpoint { get; }

    internal List<string> Notices { get; } = [];

    /// <summary>Whether steps run the engine too. Without it the ingress ring fills.</summary>
    internal bool RunsEngine { get; set; } = true;

    internal TestPeer Connect(int receiveBufferLength = 0)
    {
        TestPeer peer = new(Endpoint, receiveBufferLength);
        _peers.Add(peer);
        return peer;
    }

    /// <summary>A peer with an open session.</summary>
    internal TestPeer Open(uint heartbeatMs = 0, int receiveBufferLength = 0, bool compress = false)
    {
        TestPeer peer = Connect(receiveBufferLength);
        peer.SendHello(heartbeatMs, compress: compress);
        Until(() => peer.Count(FrameType.Welcome) == 1);
        return peer;
    }

    internal uint OpenPublication(TestPeer peer, string queue)
    {
        peer.SendOpenPublication(queue);
        Until(() => peer.Count(FrameType.PublicationOpened) > 0);
        return peer.First(FrameType.PublicationOpened)!.Fields<PublicationOpenedEvent>().Publication;
    }

    internal uint Subscribe(TestPeer peer, string queue, uint credit)
    {
        peer.SendSubscribe(queue, credit);
        Until(() => peer.Count(FrameType.Subscribed) > 0);
        return peer.First(FrameType.Subscribed)!.Fields<SubscribedEvent>().Subscription;
    }

    internal void DeclareQueue(TestPeer peer, string queue)
    {
        peer.SendDeclareQueue(queue);
        Until(() => peer.Count(FrameType.QueueDeclared) > 0);
    }

    /// <summary>One duty cycle of everything, time standing still.</summary>
    internal void Step()
    {
        Agent.DoWork();
        if (RunsEngine)
            Core.EngineAgent.DoWork();
        foreach (TestPeer peer in _peers)
            peer.Pump();
    }

    internal void Steps(int count)
    {
        for (int i = 0; i < count; i++)
            Step();
    }

    /// <summary>Steps until the condition holds. The kernel's loopback takes its own time, so the deadline is real time.</summary>
    internal void Until(Func<bool> condition, string what = "")
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Step();
            Assert.True(Stopwatch.GetElapsedTime(start) < Deadline, $"Not within {Deadline}: {what}");
        }
    }

    /// <summary>Forgets a peer: it is not pumped any more.</summary>
    internal void Forget(TestPeer peer) => _peers.Remove(peer);

    public void Dispose()
    {
        foreach (TestPeer peer in _peers)
            peer.Dispose();
        Agent.OnClose();
        Agent.Dispose();
        _reader.Dispose();
        Core.Dispose();
        _port.Dispose();
        _wake.Dispose();
    }
}
