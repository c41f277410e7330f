using Hadal.Generation;

namespace Hadal.Tests.Generation;

public sealed class StepGateTests
{
    [Fact]
    public async Task Waiters_enter_in_the_order_of_asking()
    {
        var gate = new StepGate();
        gate.Enter();
        var order = new List<int>();
        var thread = new Thread(() => Pass(1));
        Task[] waiters =
        [
            PassAsync(0),
            Blocked(thread),
            .. Enumerable.Range(2, 8).Select(PassAsync),
        ];
        Assert.All(waiters, waiter => Assert.False(waiter.IsCompleted));
        gate.Exit();
        await Task.WhenAll(waiters).Soon();
        Assert.Equal(Enumerable.Range(0, 10), order);
        gate.Enter();

        void Pass(int i)
        {
            gate.Enter();
            order.Add(i);
            gate.Exit();
        }

        async Task PassAsync(int i)
        {
            await gate.EnterAsync();
            order.Add(i);
            gate.Exit();
        }

        static Task Blocked(Thread thread)
        {
            thread.Start();
            Waiting.UntilBlocked(thread);
            return Waiting.OnThread(() =>
            {
                thread.Join();
                return true;
            });
        }
    }

    [Fact]
    public async Task Cancelled_waiter_leaves_at_once_and_takes_no_turn()
    {
        var gate = new StepGate();
        gate.Enter();
        using var source = new CancellationTokenSource();
        Task cancelled = gate.EnterAsync(source.Token).AsTask();
        Task<bool> blocked = Waiting.OnThread(() =>
        {
            gate.Enter(source.Token);
            return true;
        });
        Task next = gate.EnterAsync().AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.Soon());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => blocked.Soon());
        Assert.Throws<OperationCanceledException>(() => gate.Enter(source.Token));
        Assert.False(next.IsCompleted);
        gate.Exit();
        await next.Soon();
        gate.Exit();
        gate.Enter();
    }

    [Fact]
    public async Task One_at_a_time_is_in_whatever_way_it_waited()
    {
        var gate = new StepGate();
        int inside = 0;
        int turns = 0;
        Task[] users =
        [
            .. Enumerable.Range(0, 4).Select(_ => Waiting.OnThread(Block)),
            .. Enumerable.Range(0, 4).Select(_ => Task.Run(WaitAsync)),
        ];
        await Task.WhenAll(users).Soon();
        Assert.Equal(8 * 500, turns);

        bool Block()
        {
            for (int i = 0; i < 500; i++)
            {
                gate.Enter();
                Turn();
            }
            return true;
        }

        async Task WaitAsync()
        {
            for (int i = 0; i < 500; i++)
            {
                await gate.EnterAsync();
                Turn();
            }
        }

        void Turn()
        {
            Assert.Equal(1, Interlocked.Increment(ref inside));
            turns++;
            Interlocked.Decrement(ref inside);
            gate.Exit();
        }
    }

    [Fact]
    public void Free_gate_allocates_nothing()
    {
        var gate = new StepGate();
        Action round = () =>
        {
            for (int i = 0; i < 100; i++)
            {
                gate.Enter();
                gate.Exit();
            }
        };
        Assert.Equal(0, Allocations.Of(round));
    }
}
