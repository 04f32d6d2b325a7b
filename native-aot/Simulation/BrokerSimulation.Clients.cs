using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <content>What clients do.</content>
internal sealed partial class BrokerSimulation
{
    private const int MaxWaitingCommands = 400;

    /// <summary>Where segments fill it brings some messages to several queues.</summary>
    private const string FlowFanout = "amq.fanout";

    private static readonly string[] PublisherNames = ["", "p1", "p2", "p3", "p4", "p5", "p6", "p7"];

    private readonly SimulatedTopology _topology;
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
            if (_profile.RejectsOf5 > 1 && !client.IsClosing && !client.IsFaulted)
                SettleSome(client);
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
            case SimulationAction.Commit:
                if (_profile.Has(SimulationAction.Transactions))
                    Commit(client);
                break;
            case SimulationAction.Flow:
                Flow(client);
                break;
            case SimulationAction.Subscribe:
                Subscribe(client);
                break;
            case SimulationAction.Credit:
                if (client.Subscriptions.Count > 0)
                    Send(new Credit(client.Session, Pick([.. client.Subscriptions.Keys]), MoreCredit(), CreditBytes()));
                break;
            case SimulationAction.Settle:
                SettleSome(client);
                break;
            case SimulationAction.Get:
                Get(client);
                break;
            case SimulationAction.Recover:
                Send(new SessionRequest(CommandType.Recover, client.Session, ++_request));
                client.InTransaction.Clear();
                foreach (SimulatedSubscription subscription in client.Subscriptions.Values)
                    subscription.Unsettled.Clear();
                break;
            case SimulationAction.LimitUnacked:
                Send(new SessionRequest(CommandType.SetMaxUnacked, client.Session, ++_request, (uint)_random.Next(6)));
                break;
            case SimulationAction.Purge:
                Send(new PurgeQueue(client.Session, ++_request, _topology.AnyQueue));
                break;
            case SimulationAction.Declare:
                Declare(client);
                break;
            case SimulationAction.Bind:
                Bind(client);
                break;
            case SimulationAction.Delete:
                Delete(client);
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
        string host = _profile.Has(SimulationAction.Hosts) && _random.Next(3) == 0 ? SimulatedTopology.Hosts[_random.Next(SimulatedTopology.Hosts.Length)] : "/";
        var client = new SimulatedClient(_sessionIds.Pop(), port, host);
        _clients.Add(client);
        Send(new OpenSession(client.Session, port, host, _random.NextWord()));
        if (_model.State.Hosts.TryGetValue(host, out NaiveVirtualHost? known) && known.Queues.Count > 0)
            return;
        foreach (QueuePlan queue in _topology.Queues)
            Declare(client, queue.Name);
        foreach (ExchangePlan exchange in _topology.Exchanges)
            DeclareExchange(client, exchange.Name);
        for (int i = 0; i < 10; i++)
            Bind(client);
        // Messages of several queues, which are moved when their segment is emptied.
        for (int i = 0; i < 4 && _profile.HasFlow; i++)
            Send(new Bind(client.Session, ++_request, FlowFanout, new NaiveBinding(false, _topology.AnyQueue, "", new NaiveTable()), IsBind: true));
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
        if (_profile.Has(SimulationAction.Hosts) && _random.Next(8) == 0)
        {
            string host = SimulatedTopology.Hosts[_random.Next(SimulatedTopology.Hosts.Length)];
            Send(new DeclareVirtualHost(client.Session, ++_request, host, _random.Next(8) == 0, host == "h1" ? new NaiveTable() : _topology.HostArguments()));
        }
        else if (_random.Next(4) == 0)
        {
            DeclareExchange(client, _topology.AnyExchange);
        }
        else
        {
            Declare(client, _profile.Has(SimulationAction.Unnamed) && _random.Next(10) == 0 ? "" : _random.Next(40) == 0 ? "amq.mine" : _topology.AnyQueue);
        }
    }

    private void Declare(SimulatedClient client, string queue)
    {
        (QueueFlags flags, NaiveTable arguments) = _topology.Declaration(queue);
        Send(new DeclareQueue(client.Session, ++_request, queue, flags, arguments));
    }

    private void DeclareExchange(SimulatedClient client, string exchange)
    {
        (ExchangeKind kind, ExchangeFlags flags, NaiveTable arguments) = _topology.ExchangeDeclaration(exchange);
        Send(new DeclareExchange(client.Session, ++_request, exchange, kind, flags, arguments));
    }

    private void Bind(SimulatedClient client)
    {
        (string exchange, NaiveBinding binding) = _topology.AnyBinding();
        bool isBind = _random.Next(4) != 0;
        // To unbind something that is bound.
        if (!isBind && _random.Next(4) != 0 && _model.State.Hosts.TryGetValue(client.Host, out NaiveVirtualHost? host) && host.Exchanges.TryGetValue(exchange, out NaiveExchange? known) && known.Bindings.Count > 0)
            binding = known.Bindings[_random.Next(known.Bindings.Count)];
        Send(new Bind(client.Session, ++_request, exchange, binding, isBind));
    }

    private void Delete(SimulatedClient client)
    {
        var flags = (DeleteFlags)_random.Next(4);
        if (_profile.Has(SimulationAction.Hosts) && _random.Next(4) == 0)
            Send(new DeleteVirtualHost(client.Session, ++_request, SimulatedTopology.Hosts[_random.Next(SimulatedTopology.Hosts.Length)]));
        else if (_random.Next(3) == 0)
            Send(new DeleteExchange(client.Session, ++_request, _topology.AnyExchange, flags & DeleteFlags.IfUnused));
        else
            Send(new DeleteQueue(client.Session, ++_request, _topology.AnyQueue, flags));
    }

    private void OpenPublication(SimulatedClient client)
    {
        SimulatedPublisher? publisher = Pick(_publishers.FindAll(known => known.Owner == null && known.Host == client.Host));
        if (publisher == null || _random.Next(4) == 0)
        {
            string name = Pick(PublisherNames)!;
            if (name.Length > 0 && _publishers.Exists(known => known.Name == name))
                return;
            bool isForFlow = _profile.HasFlow && _random.Next(2) == 0;
            string exchange = isForFlow || _random.Next(2) == 0 ? "" : _profile.HasFlow && _random.Next(2) == 0 ? FlowFanout : _topology.AnyExchange;
            string key = exchange.Length == 0 ? AnyAddress() : Pick(SimulatedTopology.Keys)!;
            var level = (DurabilityLevel)_random.Next(isForFlow ? 2 : 1, 4);
            publisher = new SimulatedPublisher(client.Host, name, exchange, key, level, mandatory: _random.Next(3) != 0);
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
        if (_profile.Has(SimulationAction.Transactions) && _random.Next(2) == 0)
        {
            PublishInTransaction(client, publisher);
            return;
        }
        for (int i = _random.Next(1, _profile.MaxBurst + 1); i > 0; i--)
        {
            Publish? publish = publisher.Next(_nowNs, PublishFlag(), () => MakeMessage(publisher));
            if (publish == null)
                return;
            Send(publish);
        }
    }

    /// <summary>Little at a time: one message that is refused fails all of it.</summary>
    private void PublishInTransaction(SimulatedClient client, SimulatedPublisher publisher)
    {
        for (int i = _random.Next(1, 4); i > 0; i--)
            Send(new Publish(client.Session, publisher.Handle, 0, MakeMessage(publisher), _nowNs, PublishFlag() | PublishFlags.InTransaction));
        if (_random.Next(2) == 0)
            Commit(client);
    }

    /// <summary>Fills a good part of a segment, with what is gone at once or waits until it is on the disk alone.</summary>
    private void Flow(SimulatedClient client)
    {
        SimulatedPublisher? publisher = Pick(client.Publishers.FindAll(known => known.IsOpen && known.Exchange.Length == 0 && known.Level != DurabilityLevel.Memory && !known.HasResend));
        if (publisher == null)
            return;
        for (int i = _random.Next(4, 16); i > 0; i--)
        {
            if (publisher.Next(_nowNs, PublishFlags.None, () => new NaiveMessage(++_messageId, SimulatedTopology.FlowQueue, new NaiveHeaders(), _random.Next(20_000, 100_000))) is not { } publish)
                break;
            Send(publish);
        }
        if (!_profile.KeepsFlow || _random.Next(5) == 0)
            Send(new PurgeQueue(client.Session, ++_request, SimulatedTopology.FlowQueue));
        else if (_random.Next(2) == 0)
            Send(new Subscribe(client.Session, ++_request, SimulatedTopology.FlowQueue, MoreCredit(), ulong.MaxValue)
            {
                Flags = _profile.Has(SimulationAction.Browse) && _random.Next(4) == 0 ? SubscribeFlags.Browse : _profile.Has(SimulationAction.Conflate) && _random.Next(4) == 0 ? SubscribeFlags.Conflate : 0,
            });
    }

    private NaiveMessage MakeMessage(SimulatedPublisher publisher)
    {
        string key = _random.Next(6) != 0 ? "" : publisher.Exchange.Length == 0 ? AnyAddress() : Pick(SimulatedTopology.Keys)!;
        int body = _random.Next(_profile.LargeEvery) == 0 ? _random.Next(_profile.MaxBody + 1) : _random.Next(Math.Min(_profile.MaxBody, 200) + 1);
        return new NaiveMessage(++_messageId, key, _topology.AnyHeaders(), body);
    }

    /// <summary>A queue, or where somebody waits for an answer.</summary>
    private string AnyAddress() =>
        _profile.Has(SimulationAction.ReplyTo) && _random.Next(4) == 0 && Pick(_clients) is { Address.Length: > 0 } client ? client.Address : _topology.AnyQueue;

    private PublishFlags PublishFlag() => (_profile.Has(SimulationAction.MessageLevels) ? _random.Next(8) : 8) switch
    {
        0 => PublishFlags.Mandatory,
        1 => (PublishFlags)(_random.Next(1, 4) << 4),
        _ => PublishFlags.None,
    };

    private void SettleSome(SimulatedClient client)
    {
        uint[] handles = [.. client.Subscriptions.Where(pair => !pair.Value.IsClosing && pair.Value.Unsettled.Count > 0).Select(pair => pair.Key)];
        if (handles.Length == 0)
            return;
        uint handle = Pick(handles);
        SortedSet<ulong> unsettled = client.Subscriptions[handle].Unsettled;
        ulong[] tags = [.. unsettled];
        bool isReject = _profile.RejectsOf5 > 0 ? _random.Next(5) < _profile.RejectsOf5 : _random.Next(12) == 0;
        SettleKind kind = isReject ? SettleKind.Reject : _random.Next(5) < 2 ? SettleKind.Requeue : SettleKind.Ack;
        uint credit = _random.Next(4) == 0 ? 0 : MoreCredit();
        int from = _random.Next(tags.Length);
        int to = from;
        while (to + 1 < tags.Length && tags[to + 1] == tags[to] + 1 && _random.Next(5) != 0)
            to++;
        bool isCumulative = _random.Next(3) != 0;
        bool isInTransaction = _profile.Has(SimulationAction.Transactions) && _random.Next(3) == 0;
        Send(new Settle(client.Session, handle, isCumulative ? 0 : tags[from], tags[to], kind, credit, credit == 0 ? 0 : CreditBytes(), isInTransaction));
        // Settled a second time the commit fails, which is no fault.
        if (isInTransaction && _random.Next(10) == 0)
            return;
        foreach (ulong tag in tags.Where(tag => tag <= tags[to] && (isCumulative || tag >= tags[from])))
        {
            unsettled.Remove(tag);
            if (isInTransaction)
                client.InTransaction.Add((handle, tag));
        }
    }

    /// <summary>What is not committed is to be settled anew.</summary>
    private void Commit(SimulatedClient client)
    {
        bool isCommit = _random.Next(4) != 0;
        Send(new SessionRequest(isCommit ? CommandType.CommitTransaction : CommandType.RollbackTransaction, client.Session, ++_request));
        if (isCommit)
            client.Commits.Add(_request, [.. client.InTransaction]);
        else
            client.Restore(client.InTransaction);
        client.InTransaction.Clear();
    }

    private void Subscribe(SimulatedClient client)
    {
        if (_profile.Has(SimulationAction.ReplyTo) && _random.Next(4) == 0)
        {
            SubscribeFlags wrong = _random.Next(8) == 0 ? SubscribeFlags.Browse : 0;
            Send(new Subscribe(client.Session, ++_request, "amq.rabbitmq.reply-to", MoreCredit(), CreditBytes()) { Flags = SubscribeFlags.NoAck ^ wrong });
            return;
        }
        SubscribeFlags flags = 0;
        if (_profile.Has(SimulationAction.NoAck) && _random.Next(3) == 0)
            flags |= SubscribeFlags.NoAck;
        if (_profile.Has(SimulationAction.ExclusiveConsumers) && _random.Next(4) == 0)
            flags |= SubscribeFlags.Exclusive;
        if (_profile.Has(SimulationAction.Browse) && _random.Next(4) == 0)
            flags |= SubscribeFlags.Browse;
        if (_profile.Has(SimulationAction.Conflate) && _random.Next(3) == 0)
            flags |= SubscribeFlags.Conflate;
        Send(new Subscribe(client.Session, ++_request, _topology.AnyQueue, MoreCredit(), CreditBytes())
        {
            Flags = flags,
            Priority = _profile.Has(SimulationAction.ConsumerPriorities) ? _random.Next(3) - 1 : 0,
            MaxUnacked = _random.Next(4) == 0 ? (uint)_random.Next(6) : 0,
            ConflationKey = _random.Next(2) == 0 ? "" : "k",
        });
    }

    private void Get(SimulatedClient client)
    {
        if (client.Subscriptions.Count == 0)
            return;
        uint most = _random.Next(30) == 0 ? 0 : (uint)_random.Next(1, 10);
        uint wait = _random.Next(2) == 0 ? 0 : (uint)_random.Next(1, 50);
        Send(new Get(client.Session, ++_request, Pick([.. client.Subscriptions.Keys]), most, wait, _random.Next(3) == 0 ? (ulong)_random.Next(1000) : ulong.MaxValue));
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
        bool keeps = _profile.Has(SimulationAction.KeepUnsettled) && _random.Next(2) == 0;
        client.Subscriptions[handle].IsClosing = !keeps;
        Send(new Unsubscribe(client.Session, ++_request, handle, keeps));
    }

    private void BreakRule(SimulatedClient client)
    {
        uint[] handles = [.. client.Subscriptions.Keys];
        SimulatedPublisher? publisher = Pick(client.Publishers.FindAll(known => known.IsOpen));
        var message = new NaiveMessage(++_messageId, "", new NaiveHeaders(), 10);
        switch (_random.Next(10))
        {
            case 0:
                Send(new Publish(client.Session, 99, 1, message, _nowNs));
                break;
            case 1 when publisher != null:
                Send(new Publish(client.Session, publisher.Handle, publisher.Sent, message, _nowNs));
                break;
            case 2 when publisher != null:
                Send(new Publish(client.Session, publisher.Handle, publisher.NextSequence, new NaiveMessage(++_messageId, "", new NaiveHeaders(), Limits.MaxBodyLength + 1), _nowNs));
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
            case 9 when publisher != null && _profile.Has(SimulationAction.Transactions):
                Send(new Publish(client.Session, publisher.Handle, 1, message, _nowNs, PublishFlags.InTransaction));
                break;
        }
    }

    private void TakeOver(SimulatedClient client)
    {
        SimulatedPublisher? publisher = Pick(_publishers.FindAll(known => known.Owner != null && known.Name.Length > 0 && known.Host == client.Host));
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
