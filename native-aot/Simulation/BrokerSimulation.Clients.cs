using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <content>What clients do.</content>
internal sealed partial class BrokerSimulation
{
    private const int MaxWaitingCommands = 400;

    private static readonly string[] Queues = ["durable-0", "durable-1", "durable-2", "transient-0", "transient-1", "small-0", "small-1"];
    private static readonly string[] Exchanges = ["", "durable-x", "transient-x", "other-x"];
    private static readonly string[] Keys = ["k0", "k1", "k2"];
    private static readonly string[] PublisherNames = ["", "p1", "p2", "p3", "p4", "p5", "p6", "p7"];

    private readonly List<SimulatedClient> _clients = [];
    private readonly List<SimulatedPublisher> _publishers = [];
    private readonly Stack<int> _sessionIds = new(Enumerable.Range(0, Limits.MaxSessions).Reverse());
    private uint _request;
    private long _messageId;

    private void DoAsClient(SimulationAction action)
    {
        if (action == SimulationAction.Open && _clients.Count < _profile.Clients && (_clients.Count == 0 || _random.Next(3) == 0))
        {
            Connect();
            return;
        }
        SimulatedClient? client = Pick(_clients);
        if (client == null || _ingress.Count > MaxWaitingCommands)
            return;
        if (action == SimulationAction.Poll)
        {
            client.Poll(_random.Next(3) == 0 ? int.MaxValue : _random.Next(1, 20));
            return;
        }
        if (client.IsClosing)
            return;
        if (client.Port.WasOverrun || client.IsFaulted)
            action = _random.Next(3) == 0 ? SimulationAction.Disconnect : action;
        switch (action)
        {
            case SimulationAction.Open:
                OpenPublication(client);
                break;
            case SimulationAction.Publish:
                PublishSome(client);
                break;
            case SimulationAction.Subscribe:
                Send(new Subscribe(client.Session, ++_request, Pick(Queues)!, MoreCredit(), CreditBytes()));
                break;
            case SimulationAction.Credit:
                if (client.Subscriptions.Count > 0)
                    Send(new Credit(client.Session, Pick([.. client.Subscriptions.Keys]), MoreCredit(), CreditBytes()));
                break;
            case SimulationAction.Settle:
                SettleSome(client);
                break;
            case SimulationAction.Declare:
                Declare(client);
                break;
            case SimulationAction.Bind:
                Send(new Bind(client.Session, ++_request, Exchanges[_random.Next(1, Exchanges.Length)], Pick(Queues)!, Pick(Keys)!, IsBind: _random.Next(4) != 0));
                break;
            case SimulationAction.Delete:
                if (_random.Next(3) == 0)
                    Send(new DeleteExchange(client.Session, ++_request, Exchanges[_random.Next(1, Exchanges.Length)]));
                else
                    Send(new DeleteQueue(client.Session, ++_request, Pick(Queues)!));
                break;
            case SimulationAction.Close:
                CloseSomething(client);
                break;
            case SimulationAction.Disconnect:
                Disconnect(client);
                break;
            case SimulationAction.BreakRule:
                BreakRule(client);
                break;
            case SimulationAction.TakeOver:
                TakeOver(client);
                break;
        }
    }

    private void Send(SimulatedCommand command) => _ingress.Enqueue(command);

    private void Connect()
    {
        var port = new SimulatedPort(_profile.PortCapacity);
        _core.Ports.Add(port.Port);
        var client = new SimulatedClient(_sessionIds.Pop(), port);
        _clients.Add(client);
        Send(new OpenSession(client.Session, port));
        if (_clients.Count == 1 && _model.State.Queues.Count == 0)
        {
            foreach (string queue in Queues)
                Send(new DeclareQueue(client.Session, ++_request, queue, queue[0] != 't', Passive: false, queue[0] == 's' ? 7 : 0));
            Send(new DeclareExchange(client.Session, ++_request, Exchanges[1], Durable: true));
            Send(new DeclareExchange(client.Session, ++_request, Exchanges[2], Durable: false));
            foreach (string key in Keys)
            {
                Send(new Bind(client.Session, ++_request, Exchanges[1], Pick(Queues)!, key, IsBind: true));
                Send(new Bind(client.Session, ++_request, Exchanges[_random.Next(1, 3)], Pick(Queues)!, key, IsBind: true));
            }
        }
    }

    private void Disconnect(SimulatedClient client)
    {
        // Whoever was overrun reads first, or would not be told that it is closed.
        if (client.Port.WasOverrun)
        {
            Count("overruns");
            client.Poll(int.MaxValue);
        }
        client.IsClosing = true;
        client.Lose();
        Send(new CloseSession(client.Session));
    }

    private void ForgetClosedClients()
    {
        for (int i = _clients.Count - 1; i >= 0; i--)
        {
            SimulatedClient client = _clients[i];
            bool isGone = client.IsClosed || (client.IsClosing && client.Port.WasOverrun && !_model.Sessions.ContainsKey(client.Session));
            if (!isGone || _ingress.Any(command => command.Session == client.Session))
                continue;
            Forget(client);
            _clients.RemoveAt(i);
        }
    }

    private void Forget(SimulatedClient client)
    {
        client.Lose();
        _sessionIds.Push(client.Session);
        _core.Ports.Remove(client.Port.Port);
        client.Port.Dispose();
    }

    /// <summary>The broker is gone.</summary>
    private void LoseClients()
    {
        foreach (SimulatedClient client in _clients)
            Forget(client);
        _clients.Clear();
        _ingress.Clear();
    }

    private void Declare(SimulatedClient client)
    {
        if (_random.Next(4) == 0)
        {
            string exchange = Exchanges[_random.Next(1, Exchanges.Length)];
            Send(new DeclareExchange(client.Session, ++_request, exchange, exchange[0] == 'd' || _random.Next(8) == 0));
            return;
        }
        string queue = Pick(Queues)!;
        bool isDurable = queue[0] != 't' && _random.Next(20) != 0;
        long maxLength = queue[0] == 's' ? _random.Next(20) == 0 ? 5 : 7 : 0;
        Send(new DeclareQueue(client.Session, ++_request, queue, isDurable, Passive: _random.Next(12) == 0, maxLength));
    }

    private void OpenPublication(SimulatedClient client)
    {
        SimulatedPublisher? publisher = Pick(_publishers.FindAll(known => known.Owner == null));
        if (publisher == null || _random.Next(4) == 0)
        {
            string name = Pick(PublisherNames)!;
            if (name.Length > 0 && _publishers.Exists(known => known.Name == name))
                return;
            string exchange = _random.Next(2) == 0 ? "" : Exchanges[_random.Next(20) == 0 ? 3 : _random.Next(1, 3)];
            string key = exchange.Length == 0 ? Pick(Queues)! : Pick(Keys)!;
            var level = (DurabilityLevel)_random.Next(1, 4);
            publisher = new SimulatedPublisher(name, exchange, key, level, mandatory: _random.Next(3) != 0);
            _publishers.Add(publisher);
        }
        Open(client, publisher);
    }

    private void Open(SimulatedClient client, SimulatedPublisher publisher)
    {
        publisher.Owner = client;
        publisher.Request = ++_request;
        client.Publishers.Add(publisher);
        Send(new OpenPublication(client.Session, publisher.Request, publisher.Name, publisher.Exchange, publisher.Key, publisher.Level, publisher.IsMandatory, _profile.Window));
    }

    private void PublishSome(SimulatedClient client)
    {
        SimulatedPublisher? publisher = Pick(client.Publishers.FindAll(known => known.IsOpen));
        if (publisher == null || (publisher.IsHeld && !publisher.HasResend && _random.Next(20) != 0))
            return;
        for (int i = _random.Next(1, _profile.MaxBurst + 1); i > 0; i--)
        {
            Publish? publish = publisher.Next(() => MakeMessage(publisher));
            if (publish == null)
                return;
            Send(publish);
        }
    }

    private NaiveMessage MakeMessage(SimulatedPublisher publisher)
    {
        string key = _random.Next(6) != 0 ? "" : publisher.Exchange.Length == 0 ? Pick(Queues)! : Pick(Keys)!;
        int body = _random.Next(_profile.LargeEvery) == 0 ? _random.Next(_profile.MaxBody + 1) : _random.Next(Math.Min(_profile.MaxBody, 200) + 1);
        return new NaiveMessage(++_messageId, key, _random.Next(4) == 0 ? _random.Next(30) : 0, body);
    }

    private void SettleSome(SimulatedClient client)
    {
        uint[] handles = [.. client.Subscriptions.Where(pair => !pair.Value.IsClosing && pair.Value.Unsettled.Count > 0).Select(pair => pair.Key)];
        if (handles.Length == 0)
            return;
        uint handle = Pick(handles);
        SortedSet<ulong> unsettled = client.Subscriptions[handle].Unsettled;
        ulong[] tags = [.. unsettled];
        SettleKind kind = _random.Next(12) switch { 0 => SettleKind.Reject, 1 or 2 => SettleKind.Requeue, _ => SettleKind.Ack };
        uint credit = _random.Next(4) == 0 ? 0 : MoreCredit();
        int from = _random.Next(tags.Length);
        int to = from;
        while (to + 1 < tags.Length && tags[to + 1] == tags[to] + 1 && _random.Next(5) != 0)
            to++;
        bool isCumulative = _random.Next(3) != 0;
        Send(new Settle(client.Session, handle, isCumulative ? 0 : tags[from], tags[to], kind, credit, credit == 0 ? 0 : CreditBytes()));
        unsettled.RemoveWhere(tag => tag <= tags[to] && (isCumulative || tag >= tags[from]));
    }

    private void CloseSomething(SimulatedClient client)
    {
        SimulatedPublisher? publisher = Pick(client.Publishers.FindAll(known => known.IsOpen));
        if (_random.Next(2) == 0 && publisher != null)
        {
            Send(new ClosePublication(client.Session, ++_request, publisher.Handle));
            client.Publishers.Remove(publisher);
            publisher.OnLost();
            return;
        }
        uint[] handles = [.. client.Subscriptions.Where(pair => !pair.Value.IsClosing).Select(pair => pair.Key)];
        if (handles.Length == 0)
            return;
        uint handle = Pick(handles);
        client.Subscriptions[handle].IsClosing = true;
        Send(new Unsubscribe(client.Session, ++_request, handle));
    }

    private void BreakRule(SimulatedClient client)
    {
        uint[] handles = [.. client.Subscriptions.Keys];
        SimulatedPublisher? publisher = Pick(client.Publishers.FindAll(known => known.IsOpen));
        var message = new NaiveMessage(++_messageId, "", 0, 10);
        switch (_random.Next(9))
        {
            case 0:
                Send(new Publish(client.Session, 99, 1, message));
                break;
            case 1 when publisher != null:
                Send(new Publish(client.Session, publisher.Handle, publisher.Sent, message));
                break;
            case 2 when publisher != null:
                Send(new Publish(client.Session, publisher.Handle, publisher.NextSequence, new NaiveMessage(++_messageId, "", 0, Limits.MaxBodyLength + 1)));
                break;
            case 3:
                Send(new Credit(client.Session, 99, 1, 1));
                break;
            case 4 when handles.Length > 0:
                Send(new Settle(client.Session, Pick(handles), 0, 1_000_000, SettleKind.Ack, 0, 0));
                break;
            case 5 when handles.Length > 0:
                ulong tag = (ulong)_random.Next(5);
                Send(new Settle(client.Session, Pick(handles), tag, tag + (ulong)_random.Next(3), SettleKind.Requeue, 0, 0));
                break;
            case 6 when handles.Length > 0:
                Send(new Settle(client.Session, Pick(handles), 0, 0, (SettleKind)9, 0, 0));
                break;
            case 7:
                Send(new ClosePublication(client.Session, ++_request, 77));
                break;
            case 8:
                Send(new Unsubscribe(client.Session, ++_request, 77));
                break;
        }
    }

    private void TakeOver(SimulatedClient client)
    {
        SimulatedPublisher? publisher = Pick(_publishers.FindAll(known => known.Owner != null && known.Name.Length > 0));
        if (publisher == null)
            return;
        publisher.Owner!.Publishers.Remove(publisher);
        publisher.OnLost();
        Open(client, publisher);
    }

    private uint MoreCredit() => (uint)_random.Next(_profile.MaxCredit + 1);

    private ulong CreditBytes() => _random.Next(4) switch
    {
        0 or 3 => ulong.MaxValue,
        1 => (ulong)_random.Next(500),
        _ => (ulong)_random.Next(_profile.MaxBody * 4),
    };

    private T? Pick<T>(IReadOnlyList<T> items) => items.Count == 0 ? default : items[_random.Next(items.Count)];
}
