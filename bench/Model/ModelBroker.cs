using System.Runtime.CompilerServices;
using System.Text;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Workloads;
using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Rings;

namespace LowLatency.Bench.Model;

/// <summary>A broker without doors and its one client on the caller's thread: the engine runs when it is stepped.</summary>
/// <remarks>What the engine itself needs, processor time and allocated bytes, is counted apart from what the client does.</remarks>
internal sealed unsafe class ModelBroker : IDisposable
{
    /// <summary>Messages under way, and credit: what a cycle of a workload can have.</summary>
    internal const int Window = 4096;

    private const int DeadlineMs = 20_000;

    private readonly string? _journal;
    private readonly ThreadWakeSignal _wake = new();
    private readonly EgressPort _port = new(64 * 1024 * 1024, null, alwaysDrained: false);
    private readonly FieldTableWriter _table = new();
    private readonly int _session;
    private readonly ulong[] _published = new ulong[4096];
    private readonly ulong[] _confirmed = new ulong[4096];
    private readonly ulong[] _lastTag = new ulong[4096];
    private uint _request;
    private uint _answers;
    private Answer _answer;
    private string? _failure;
    private bool _isPipelined;

    /// <param name="dataFolder">The journal goes to a folder of its own in it. Null: a broker without a journal.</param>
    internal ModelBroker(string? dataFolder, BrokerLimits? limits = null)
    {
        if (dataFolder != null)
        {
            _journal = Path.Combine(dataFolder, $"model-{Guid.NewGuid():N}");
            Directory.CreateDirectory(_journal);
        }
        Core = BrokerCore.Open(new BrokerOptions { DataDirectory = _journal, Limits = limits ?? new BrokerLimits() }, _wake);
        Core.Ports.Add(_port);
        if (!Core.SessionIds.TryRent(out _session))
            throw new BenchException("The broker has no session to give.");
        Send(CommandType.OpenSession, new OpenSessionCommand { Session = _session, Connection = _session, Port = _port.Index, Nonce = 1 }, [.. Text("model"), .. Text("/")]);
        Run();
    }

    internal BrokerCore Core { get; }

    /// <summary>Processor time that the engine needed since <see cref="ResetCounters"/>, in nanoseconds.</summary>
    internal long EngineNs { get; private set; }

    /// <summary>Bytes that the engine allocated since then.</summary>
    internal long EngineBytes { get; private set; }

    /// <summary>Deliveries since then.</summary>
    internal long Delivered { get; private set; }

    /// <summary>Rejects since then.</summary>
    internal long Rejected { get; private set; }

    /// <summary>Whether <see cref="EngineNs"/> is counted. It takes two system calls for each step.</summary>
    internal bool CountsTime { get; set; } = true;

    internal void ResetCounters()
    {
        EngineNs = 0;
        EngineBytes = 0;
        Rejected = 0;
        ResetDelivered();
    }

    internal void ResetDelivered() => Delivered = 0;

    internal void DeclareQueue(string name, bool durable = true, Action<FieldTableWriter>? arguments = null) =>
        Ask(CommandType.DeclareQueue, durable ? (uint)QueueFlags.Durable : 0, [.. Text(name), .. Table(arguments)]);

    internal void DeleteQueue(string name) => Ask(CommandType.DeleteQueue, 0, Text(name));

    internal void PurgeQueue(string name) => Ask(CommandType.PurgeQueue, 0, Text(name));

    internal void Bind(string source, string destination, string key, Action<FieldTableWriter>? arguments = null) =>
        Ask(CommandType.Bind, 0, [.. Text(source), .. Text(destination), .. Text(key), .. Table(arguments)]);

    internal void Commit() => Ask(CommandType.CommitTransaction, 0, []);

    internal void DeclareExchange(string name, ExchangeKind kind, bool durable = true, Action<FieldTableWriter>? arguments = null)
    {
        Send(
            CommandType.DeclareExchange,
            new DeclareExchangeCommand { Session = _session, Request = ++_request, Flags = durable ? (ushort)ExchangeFlags.Durable : (ushort)0, Kind = (byte)kind },
            [.. Text(name), .. Table(arguments)]);
        WaitForAnswer();
    }

    internal uint OpenPublication(string exchange, string key, DurabilityLevel level = DurabilityLevel.Process)
    {
        Send(
            CommandType.OpenPublication,
            new OpenPublicationCommand { Session = _session, Request = ++_request, Window = Window, Level = (byte)level },
            [.. Text(""), .. Text(exchange), .. Text(key)]);
        WaitForAnswer();
        return _answer.Handle;
    }

    internal uint Subscribe(string queue, uint credit, SubscribeFlags flags = SubscribeFlags.None, string conflationKey = "") =>
        Subscribe(queue, credit, flags, conflationKey, out _);

    /// <param name="address">The queue, or the address that the broker gave for direct replies.</param>
    internal uint Subscribe(string queue, uint credit, SubscribeFlags flags, string conflationKey, out string address)
    {
        Send(
            CommandType.Subscribe,
            new SubscribeCommand { Session = _session, Request = ++_request, CreditMessages = credit, CreditBytes = ulong.MaxValue, Flags = (uint)flags },
            [.. Text(queue), .. Text(conflationKey)]);
        WaitForAnswer();
        _lastTag[_answer.Handle] = 0;
        address = _answer.Text;
        return _answer.Handle;
    }

    internal void Unsubscribe(uint subscription)
    {
        Send(CommandType.Unsubscribe, new UnsubscribeCommand { Session = _session, Request = ++_request, Subscription = subscription });
        WaitForAnswer();
    }

    /// <summary>Asks for messages; waits until the engine says that it has handed over what there is.</summary>
    internal void Get(uint subscription, uint maxMessages)
    {
        Send(
            CommandType.Get,
            new GetCommand { Session = _session, Request = ++_request, Subscription = subscription, MaxMessages = maxMessages, MaxBytes = ulong.MaxValue });
        WaitForAnswer();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Publish(uint publication, ReadOnlySpan<byte> key, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> body, PublishFlags flags = PublishFlags.None)
    {
        int length = sizeof(PublishCommand) + key.Length + headers.Length + body.Length;
        RingClaim claim;
        while (!Core.Ingress.TryClaim((int)CommandType.Publish, length, out claim))
            Step();
        Unsafe.WriteUnaligned(claim.Pointer, new PublishCommand
        {
            Session = _session,
            Publication = publication,
            Sequence = (flags & PublishFlags.InTransaction) != 0 ? 0 : ++_published[publication],
            BodyLength = body.Length,
            RoutingKeyLength = (byte)key.Length,
            Flags = (byte)flags,
            HeadersLength = (ushort)headers.Length,
        });
        Span<byte> at = claim.Body[sizeof(PublishCommand)..];
        key.CopyTo(at);
        headers.CopyTo(at[key.Length..]);
        body.CopyTo(at[(key.Length + headers.Length)..]);
        claim.Commit();
    }

    /// <summary>Settles all that the subscription was delivered, and gives as much credit.</summary>
    internal void SettleAll(uint subscription, SettleKind kind = SettleKind.Ack, uint credit = 0, SettleFlags flags = SettleFlags.None) =>
        Send(
            CommandType.Settle,
            new SettleCommand
            {
                Session = _session,
                Subscription = subscription,
                LastTag = _lastTag[subscription],
                Kind = (byte)kind,
                Flags = (byte)flags,
                CreditMessages = credit,
            });

    internal void AddCredit(uint subscription, uint messages) =>
        Send(CommandType.Credit, new CreditCommand { Session = _session, Subscription = subscription, Messages = messages });

    internal void WaitForConfirms(uint publication)
    {
        for (long deadline = Environment.TickCount64 + DeadlineMs; _confirmed[publication] < _published[publication];)
            StepBefore(deadline, "confirm what was published");
    }

    internal void WaitForDeliveries(long count)
    {
        for (long deadline = Environment.TickCount64 + DeadlineMs; Delivered < count;)
            StepBefore(deadline, "deliver what was to be delivered");
    }

    /// <summary>Until so many messages are ready in a queue. What asking costs the engine is not counted.</summary>
    internal void WaitForMessages(string queue, ulong count)
    {
        for (long deadline = Environment.TickCount64 + DeadlineMs; Ready(queue) != count;)
            StepBefore(deadline, "have in a queue what was to be there");
    }

    /// <summary>Until the engine has nothing more to do.</summary>
    internal void Run()
    {
        while (Step() > 0 || !Core.Ingress.IsEmpty)
        {
        }
    }

    internal int Step()
    {
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        long start = CountsTime ? ThreadClock.NowNs : 0;
        int work = Core.EngineAgent.DoWork();
        EngineNs += CountsTime ? ThreadClock.NowNs - start : 0;
        EngineBytes += GC.GetAllocatedBytesForCurrentThread() - bytes;
        var handler = new Handler(this);
        return work + _port.Ring.Poll(ref handler, int.MaxValue);
    }

    private ulong Ready(string queue)
    {
        Run();
        (long ns, long bytes) = (EngineNs, EngineBytes);
        Ask(CommandType.DeclareQueue, (uint)QueueFlags.Passive, [.. Text(queue), .. Table(null)]);
        (EngineNs, EngineBytes) = (ns, bytes);
        return _answer.Count;
    }

    private void StepBefore(long deadline, string what)
    {
        Step();
        if (Environment.TickCount64 > deadline)
            throw new BenchException($"In {DeadlineMs / 1000} s the engine did not {what}.");
    }

    private void Ask(CommandType type, uint flags, ReadOnlySpan<byte> rest)
    {
        Send(type, new RequestCommand { Session = _session, Request = ++_request, Flags = flags }, rest);
        WaitForAnswer();
    }

    /// <summary>Does requests without waiting for the answer of each, then waits for all: where each would wait for the disk.</summary>
    internal void Pipeline(Action requests)
    {
        _isPipelined = true;
        requests();
        _isPipelined = false;
        WaitForAnswer();
    }

    private void WaitForAnswer()
    {
        if (_isPipelined)
            return;
        for (long deadline = Environment.TickCount64 + DeadlineMs; _answers != _request;)
            StepBefore(deadline, "answer a request");
        if (_failure is string failure)
        {
            _failure = null;
            throw new BenchException($"The engine refused a request: {failure}");
        }
    }

    private void Send<T>(CommandType type, in T command, ReadOnlySpan<byte> rest = default)
        where T : unmanaged
    {
        RingClaim claim;
        while (!Core.Ingress.TryClaim((int)type, sizeof(T) + rest.Length, out claim))
            Step();
        Unsafe.WriteUnaligned(claim.Pointer, command);
        rest.CopyTo(claim.Body[sizeof(T)..]);
        claim.Commit();
    }

    private byte[] Table(Action<FieldTableWriter>? fill)
    {
        fill?.Invoke(_table.Clear());
        ReadOnlySpan<byte> entries = fill == null ? default : _table.Entries;
        return [(byte)entries.Length, (byte)(entries.Length >> 8), .. entries];
    }

    private static byte[] Text(string text) => [(byte)Encoding.UTF8.GetByteCount(text), .. Encoding.UTF8.GetBytes(text)];

    public void Dispose()
    {
        Core.Abandon();
        _port.Dispose();
        _wake.Dispose();
        if (_journal != null)
            Directory.Delete(_journal, recursive: true);
    }

    private struct Answer
    {
        internal uint Handle;
        internal ulong Count;
        internal string Text;
    }

    private readonly struct Handler(ModelBroker owner) : IRecordHandler
    {
        public bool OnRecord(int type, ReadOnlySpan<byte> body)
        {
            fixed (byte* at = body)
            {
                switch ((EventType)type)
                {
                    case EventType.Deliver or EventType.DeliverConflated:
                        var deliver = (DeliverEvent*)at;
                        owner._lastTag[deliver->Subscription] = deliver->Tag;
                        owner.Delivered++;
                        break;
                    case EventType.Confirm:
                        owner._confirmed[((ConfirmEvent*)at)->Publication] = ((ConfirmEvent*)at)->Sequence;
                        break;
                    case EventType.Rejected:
                        owner.Rejected++;
                        break;
                    case EventType.SessionFault:
                        throw new BenchException($"The engine ended the session: {Sentence(body[sizeof(SessionFaultEvent)..])}");
                    default:
                        OnAnswer((EventType)type, body);
                        break;
                }
            }
            return true;
        }

        private void OnAnswer(EventType type, ReadOnlySpan<byte> body)
        {
            var answer = new Answer { Text = "" };
            switch (type)
            {
                case EventType.PublicationOpened:
                    answer.Handle = Unsafe.ReadUnaligned<PublicationOpenedEvent>(in body[0]).Publication;
                    owner._published[answer.Handle] = 0;
                    owner._confirmed[answer.Handle] = 0;
                    break;
                case EventType.Subscribed:
                    answer.Handle = Unsafe.ReadUnaligned<SubscribedEvent>(in body[0]).Subscription;
                    answer.Text = Encoding.UTF8.GetString(body.Slice(sizeof(SubscribedEvent) + 1, body[sizeof(SubscribedEvent)]));
                    break;
                case EventType.QueueDeclared:
                    answer.Count = Unsafe.ReadUnaligned<QueueDeclaredEvent>(in body[0]).Ready;
                    break;
                case EventType.Done:
                    answer.Count = Unsafe.ReadUnaligned<DoneEvent>(in body[0]).Count;
                    break;
                case EventType.Failed:
                    owner._failure ??= Sentence(body[sizeof(FailedEvent)..]);
                    break;
                default:
                    return; // Told, not asked for.
            }
            owner._answer = answer;
            owner._answers++;
        }

        private static string Sentence(ReadOnlySpan<byte> counted) =>
            Encoding.UTF8.GetString(counted.Slice(sizeof(ushort), Unsafe.ReadUnaligned<ushort>(in counted[0])));
    }
}
