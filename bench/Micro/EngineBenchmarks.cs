using System.Runtime.CompilerServices;
using BenchmarkDotNet.Attributes;
using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Core.Rings;

namespace LowLatency.Bench.Micro;

/// <summary>A message of 128 B through a broker without doors, on one thread: publish, route, append, deliver, read, acknowledge, confirm.</summary>
public unsafe class EngineBenchmarks : IDisposable
{
    private const int Batch = 64;
    private const int BodyLength = 128;

    private readonly string _folder = Directory.CreateTempSubdirectory("lowlatency-micro-").FullName;
    private readonly ThreadWakeSignal _wake = new();
    private readonly BrokerCore _core;
    private readonly MessageReader _reader;
    private readonly EgressPort _port = new(1024 * 1024, null, alwaysDrained: false);
    private readonly byte[] _body = new byte[BodyLength];
    private readonly int _session;
    private readonly Stream _memory;
    private readonly Stream _process;
    private readonly Stream _exchange;
    private Replies _replies;
    private uint _request;

    public EngineBenchmarks()
    {
        _core = BrokerCore.Open(new BrokerOptions { DataDirectory = _folder }, _wake);
        _reader = _core.CreateReader();
        _core.Ports.Add(_port);
        if (!_core.SessionIds.TryRent(out _session))
            throw new InvalidOperationException("no session");
        Send(CommandType.OpenSession, new OpenSessionCommand { Session = _session, Connection = _session, Port = _port.Index }, [.. Text("micro"), .. Text("/")]);
        Send(CommandType.DeclareExchange, new DeclareExchangeCommand { Session = _session, Request = ++_request, Kind = (byte)ExchangeKind.Direct }, [.. Text("ticks"), 0, 0]);
        _memory = Open("memory", DurabilityLevel.Memory, "");
        _process = Open("process", DurabilityLevel.Process, "");
        Run();
        Send(CommandType.Bind, new RequestCommand { Session = _session, Request = ++_request }, [.. Text("ticks"), .. Text("memory"), .. Text("bound"), 0, 0]);
        Run();
        _exchange = new Stream { Publication = OpenPublication("bound", DurabilityLevel.Memory, "ticks"), Subscription = _memory.Subscription };
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public long AtLevelMemory() => Cycle(_memory, _memory);

    [Benchmark(OperationsPerInvoke = Batch)]
    public long AtLevelProcess() => Cycle(_process, _process);

    [Benchmark(OperationsPerInvoke = Batch)]
    public long ThroughDirectExchange() => Cycle(_exchange, _memory);

    private long Cycle(Stream published, Stream consumed)
    {
        _replies.Delivered = 0;
        for (int i = 0; i < Batch; i++)
        {
            Send(
                CommandType.Publish,
                new PublishCommand { Session = _session, Publication = published.Publication, Sequence = ++published.Sequence, BodyLength = BodyLength },
                _body);
        }
        while (_replies.Delivered < Batch)
            Step();
        Send(
            CommandType.Settle,
            new SettleCommand
            {
                Session = _session,
                Subscription = consumed.Subscription,
                LastTag = _replies.LastTag,
                Kind = (byte)SettleKind.Ack,
                CreditMessages = Batch,
            });
        while (_replies.Confirmed < published.Sequence || !_core.Ingress.IsEmpty)
            Step();
        _replies.Confirmed = 0;
        return _replies.Bytes;
    }

    private Stream Open(string queue, DurabilityLevel level, string exchange)
    {
        Send(
            CommandType.DeclareQueue,
            new RequestCommand { Session = _session, Request = ++_request, Flags = level == DurabilityLevel.Memory ? 0 : (uint)QueueFlags.Durable },
            [.. Text(queue), 0, 0]);
        uint publication = OpenPublication(queue, level, exchange);
        Send(
            CommandType.Subscribe,
            new SubscribeCommand { Session = _session, Request = ++_request, CreditMessages = Batch, CreditBytes = ulong.MaxValue },
            [.. Text(queue), 0]);
        _replies.Subscription = 0;
        while (_replies.Subscription == 0)
            Step();
        return new Stream { Publication = publication, Subscription = _replies.Subscription };
    }

    private uint OpenPublication(string key, DurabilityLevel level, string exchange)
    {
        Send(
            CommandType.OpenPublication,
            new OpenPublicationCommand { Session = _session, Request = ++_request, Window = 4 * Batch, Level = (byte)level, Flags = (byte)PublicationFlags.Mandatory },
            [.. Text(""), .. Text(exchange), .. Text(key)]);
        _replies.Publication = 0;
        while (_replies.Publication == 0)
            Step();
        return _replies.Publication;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Send<T>(CommandType type, in T command, ReadOnlySpan<byte> rest = default)
        where T : unmanaged
    {
        if (!_core.Ingress.TryClaim((int)type, sizeof(T) + rest.Length, out RingClaim claim))
            throw new InvalidOperationException("the ingress ring is full");
        Unsafe.WriteUnaligned(claim.Pointer, command);
        rest.CopyTo(claim.Body[sizeof(T)..]);
        claim.Commit();
    }

    private void Run()
    {
        while (Step() > 0 || !_core.Ingress.IsEmpty)
        {
        }
    }

    private int Step()
    {
        int work = _core.EngineAgent.DoWork();
        var handler = new Handler(this);
        _reader.Enter();
        work += _port.Ring.Poll(ref handler, int.MaxValue);
        _reader.Exit();
        return work;
    }

    private static byte[] Text(string text) => [(byte)text.Length, .. System.Text.Encoding.UTF8.GetBytes(text)];

    [GlobalCleanup]
    public void Dispose()
    {
        _reader.Dispose();
        _core.Dispose();
        _port.Dispose();
        _wake.Dispose();
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private sealed class Stream
    {
        internal uint Publication;
        internal uint Subscription;
        internal ulong Sequence;
    }

    private struct Replies
    {
        internal uint Publication;
        internal uint Subscription;
        internal ulong Confirmed;
        internal ulong LastTag;
        internal int Delivered;
        internal long Bytes;
    }

    private readonly struct Handler(EngineBenchmarks owner) : IRecordHandler
    {
        public bool OnRecord(int type, ReadOnlySpan<byte> body)
        {
            ref Replies replies = ref owner._replies;
            fixed (byte* at = body)
            {
                switch ((EventType)type)
                {
                    case EventType.Deliver:
                        var deliver = (DeliverEvent*)at;
                        if (owner._reader.TryRead(deliver->Position, out MessageView view))
                            replies.Bytes += view.Body.Length;
                        replies.LastTag = deliver->Tag;
                        replies.Delivered++;
                        break;
                    case EventType.Confirm:
                        replies.Confirmed = ((ConfirmEvent*)at)->Sequence;
                        break;
                    case EventType.PublicationOpened:
                        replies.Publication = ((PublicationOpenedEvent*)at)->Publication;
                        break;
                    case EventType.Subscribed:
                        replies.Subscription = ((SubscribedEvent*)at)->Subscription;
                        break;
                    case EventType.Rejected or EventType.Failed or EventType.SessionFault:
                        throw new InvalidOperationException($"the engine answered {(EventType)type}");
                    default:
                        break;
                }
            }
            return true;
        }
    }
}
